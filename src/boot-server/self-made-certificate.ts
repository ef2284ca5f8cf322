/** A self-signed certificate: made once and kept in the state folder. */

import { generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { writeAtomically } from '#files/write-atomically.ts';
import { runTool } from '#tools/run-tool.ts';

/** PEM. */
export type Certificate = { readonly key: string; readonly cert: string };

export type SelfMade = {
  readonly folder: string;
  readonly name: string;
  readonly subject: string;
  readonly address: string;
  readonly kind: 'rsa' | 'ec';
  /** Whether the existing certificate can be kept. */
  isGood(cert: X509Certificate): boolean;
};

const validDays = 3650;

/** Throws `toolFailed` without the openssl program. */
export async function ensureSelfMade({ folder, name, isGood, ...requested }: SelfMade): Promise<Certificate> {
  const [keyFile, certFile] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const kept = await readPair(keyFile, certFile);
  if (kept && isUsable(kept, isGood)) return kept;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeAtomically(keyFile, await makeKey(requested.kind));
  const subject = ['-subj', `/CN=${requested.subject}`, '-addext', `subjectAltName=IP:${requested.address}`];
  const cert = await runTool('openssl', ['req', '-x509', '-new', '-key', keyFile, '-days', String(validDays), ...subject]);
  await writeAtomically(certFile, cert);
  return { key: await readFile(keyFile, 'utf8'), cert };
}

async function makeKey(kind: SelfMade['kind']): Promise<string> {
  const made = Promise.withResolvers<KeyObject>();
  const take = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject) =>
    error ? made.reject(error) : made.resolve(privateKey);
  if (kind === 'rsa') generateKeyPair('rsa', { modulusLength: 2048 }, take);
  else generateKeyPair('ec', { namedCurve: 'prime256v1' }, take);
  return (await made.promise).export({ type: 'pkcs8', format: 'pem' }) as string;
}

async function readPair(keyFile: string, certFile: string): Promise<Certificate | undefined> {
  const read = (file: string) => readFile(file, 'utf8').catch(() => undefined);
  const [key, cert] = [await read(keyFile), await read(certFile)];
  return key !== undefined && cert !== undefined ? { key, cert } : undefined;
}

function isUsable({ key, cert }: Certificate, isGood: SelfMade['isGood']): boolean {
  try {
    createSecureContext({ key, cert });
    return isGood(new X509Certificate(cert));
  } catch {
    return false;
  }
}
