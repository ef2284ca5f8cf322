/** The certificate of the listener that BMCs post events to by HTTPS: the site's own, or one that is made here. */
import { generateKeyPair, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { Fault } from '#domain/faults.ts';
import type { Settings } from '#settings.ts';
import { runTool } from '#tools/run-tool.ts';
import { readSmallFile } from '#tools/small-file.ts';

/** PEM. */
export type EventCertificate = { readonly key: string; readonly cert: string };

const fileMax = 256 * 1024;
const validDays = 3650;
/** One that ends sooner is made anew at the start. */
const spareMs = 30 * 86_400_000;

/** Whether BMCs cannot check it, since nobody signed it. */
export function isSelfMade(settings: Settings): boolean {
  return settings['redfish.events_certificate'] === '';
}

/** @param folder of the one that is made here. Throws `eventCertificate`, and `toolFailed` without the openssl program */
export async function loadEventCertificate(settings: Settings, folder: string): Promise<EventCertificate> {
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

async function readGiven(settings: Settings): Promise<EventCertificate> {
  const read = (name: 'redfish.events_certificate' | 'redfish.events_key') =>
    readSmallFile(settings[name], fileMax).catch((error) => {
      throw unusable(settings, `${name} cannot be read: ${(error as Error).message}`);
    });
  if (settings['redfish.events_key'] === '') throw unusable(settings, 'its key is missing: redfish.events_key');
  return { cert: await read('redfish.events_certificate'), key: await read('redfish.events_key') };
}

function unusable(settings: Settings, detail: string): Fault {
  return new Fault('eventCertificate', { file: settings['redfish.events_certificate'] || 'made by Ingot', detail });
}

async function ensureOwn(folder: string, address: string): Promise<EventCertificate> {
  const [keyFile, certFile] = [join(folder, 'events.key'), join(folder, 'events.crt')];
  const kept = await readPair(keyFile, certFile);
  if (kept && isGood(kept, address)) return kept;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // RSA: the TLS of old BMCs knows nothing else.
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  await writeAside(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  const subject = ['-subj', '/CN=Ingot events', '-addext', `subjectAltName=IP:${address}`];
  const cert = await runTool('openssl', ['req', '-x509', '-new', '-key', keyFile, '-days', String(validDays), ...subject]);
  await writeAside(certFile, cert);
  return { key: await readFile(keyFile, 'utf8'), cert };
}

async function readPair(keyFile: string, certFile: string): Promise<EventCertificate | undefined> {
  const read = (file: string) => readFile(file, 'utf8').catch(() => undefined);
  const [key, cert] = [await read(keyFile), await read(certFile)];
  return key !== undefined && cert !== undefined ? { key, cert } : undefined;
}

function isGood({ key, cert }: EventCertificate, address: string): boolean {
  try {
    createSecureContext({ key, cert });
    const read = new X509Certificate(cert);
    return read.checkIP(address) !== undefined && read.validToDate.getTime() > Date.now() + spareMs;
  } catch {
    return false;
  }
}

async function writeAside(file: string, text: string): Promise<void> {
  await writeFile(`${file}.part`, text, { mode: 0o600 });
  await rename(`${file}.part`, file);
}
