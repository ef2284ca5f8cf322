/** The self-signed certificate of a BMC, as shipped from the factory. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Certificate = {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** SHA-256 of the certificate: 64 hexadecimal digits in lower case. */
  readonly fingerprint: string;
};

/** Created by the openssl program on first use; the same from then on. @param folder for `bmc.key` and `bmc.crt` */
export function ensureCertificate(folder: string, { name, address }: { name: string; address: string }): Certificate {
  const [keyFile, certFile] = [join(folder, 'bmc.key'), join(folder, 'bmc.crt')];
  if (!existsSync(keyFile) || !existsSync(certFile)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=IP:${address},DNS:${name}`];
    execFileSync('openssl', ['req', '-x509', ...key, '-days', '3650', ...subject, '-out', certFile], { stdio: 'pipe' });
  }
  const cert = readFileSync(certFile, 'utf8');
  const fingerprint = new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();
  return { key: readFileSync(keyFile, 'utf8'), cert, fingerprint };
}
