/** The URL at which an agent wants to be called: only its own address, so that a heartbeat cannot name another host. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { Fault } from '#domain/faults.ts';

/** Below are the ports of system services. */
const firstPort = 1024;

/** @returns the origin. @throws Fault `badRequest` */
export function readCallback(callback: string, requester: string): string {
  const url = URL.canParse(callback) ? new URL(callback) : undefined;
  // The rest of the text must not hide anything: `https://own-address:9999@other-host/`.
  const isPlain = /^https:\/\/(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):\d{1,5}\/?$/.test(callback);
  if (!url || !isPlain) {
    const detail =
      url?.protocol === 'http:'
        ? 'The "callback_url" does not use TLS, which is required: the agent must create its certificate itself (enable_auto_tls).'
        : 'An issue with the supplied "callback_url" has been detected.';
    throw new Fault('badRequest', { detail });
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 0 || host !== canonical(requester))
    throw new Fault('badRequest', { detail: 'The "callback_url" is not at the address that the heartbeat came from.' });
  if (Number(url.port || 443) < firstPort)
    throw new Fault('badRequest', { detail: `The port of the "callback_url" is below ${firstPort}.` });
  return url.origin;
}

function canonical(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.replace(/^\[|\]$/g, '') : address;
}

/** @returns the SHA-256 of the certificate in hex. @throws Fault `badRequest` */
export function readCertificate(pem: string | null | undefined): string {
  if (!pem)
    throw new Fault('badRequest', {
      detail: 'The heartbeat has no "agent_verify_ca": the agent must create its certificate itself (enable_auto_tls).',
    });
  try {
    return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
  } catch {
    throw new Fault('badRequest', { detail: 'The "agent_verify_ca" of the heartbeat is no certificate.' });
  }
}
