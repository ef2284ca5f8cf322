/** The certificate of the agent listener. Agents pin its SHA-256 fingerprint, given on their kernel command line. */
import { X509Certificate } from 'node:crypto';
import { type Certificate, ensureSelfMade } from './self-made-certificate.ts';

export type PinnedCertificate = Certificate & { /** SHA-256 of the DER form, in hex. */ readonly fingerprint: string };

/** Never renewed: running ramdisks pin its fingerprint. Agents ignore its dates, as their clocks may be wrong. */
export async function loadAgentCertificate(folder: string, address: string): Promise<PinnedCertificate> {
  const made = await ensureSelfMade({ folder, name: 'agents', subject: 'Ingot agents', address, kind: 'ec', isGood: () => true });
  const fingerprint = new X509Certificate(made.cert).fingerprint256.replaceAll(':', '').toLowerCase();
  return { ...made, fingerprint };
}
