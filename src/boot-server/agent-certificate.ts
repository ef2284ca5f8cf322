/** The certificate that agents find by its SHA-256, which stands in their kernel line. */
import { X509Certificate } from 'node:crypto';
import { type Certificate, ensureSelfMade } from './self-made-certificate.ts';

export type PinnedCertificate = Certificate & { /** SHA-256 of the DER form, in hex. */ readonly fingerprint: string };

/** Kept for good: kernel lines that are out name it, and no agent looks at its dates, since its clock may be wrong. */
export async function loadAgentCertificate(folder: string, address: string): Promise<PinnedCertificate> {
  const made = await ensureSelfMade({ folder, name: 'agents', subject: 'Ingot agents', address, kind: 'ec', isGood: () => true });
  const fingerprint = new X509Certificate(made.cert).fingerprint256.replaceAll(':', '').toLowerCase();
  return { ...made, fingerprint };
}
