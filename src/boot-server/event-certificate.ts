/** The certificate of the HTTPS listener for BMC events: the site's own, or a self-signed one. */
import { createSecureContext } from 'node:tls';
import { Fault } from '#domain/faults.ts';
import { readSmallFile } from '#tools/small-file.ts';
import { type Certificate, ensureSelfMade } from './self-made-certificate.ts';
import type { BootServerSettings } from './settings.ts';

const fileMax = 256 * 1024;
/** A certificate that expires sooner is renewed at the start. */
const spareMs = 30 * 86_400_000;

/** Whether the certificate is self-signed, so that BMCs cannot verify it. */
export function isSelfMade(settings: BootServerSettings): boolean {
  return settings['redfish.events_certificate'] === '';
}

/** @param folder of the self-signed certificate. Throws `eventCertificate`, and `toolFailed` without openssl */
export async function loadEventCertificate(settings: BootServerSettings, folder: string): Promise<Certificate> {
  const certificate = isSelfMade(settings)
    ? await ensureOwn(folder, settings['provisioning.address'])
    : await readGiven(settings);
  try {
    createSecureContext(certificate);
  } catch (error) {
    throw unusable(settings, (error as Error).message);
  }
  return certificate;
}

async function readGiven(settings: BootServerSettings): Promise<Certificate> {
  const read = (name: 'redfish.events_certificate' | 'redfish.events_key') =>
    readSmallFile(settings[name], fileMax).catch((error) => {
      throw unusable(settings, `${name} cannot be read: ${(error as Error).message}`);
    });
  if (settings['redfish.events_key'] === '') throw unusable(settings, 'its key is missing: redfish.events_key');
  return { cert: await read('redfish.events_certificate'), key: await read('redfish.events_key') };
}

function unusable(settings: BootServerSettings, detail: string): Fault {
  return new Fault('eventCertificate', { file: settings['redfish.events_certificate'] || 'made by Ingot', detail });
}

function ensureOwn(folder: string, address: string): Promise<Certificate> {
  return ensureSelfMade({
    folder,
    name: 'events',
    subject: 'Ingot events',
    address,
    // The TLS of old BMCs supports only RSA.
    kind: 'rsa',
    isGood: (cert) => cert.checkIP(address) !== undefined && cert.validToDate.getTime() > Date.now() + spareMs,
  });
}
