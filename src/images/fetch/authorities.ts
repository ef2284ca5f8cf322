/** Certificates of authorities in the file that a setting names. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { Fault } from '#domain/faults.ts';

/** @returns PEM. @throws Fault `badRequest` that names setting and file */
export function readAuthorities(setting: string, file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    createSecureContext({ ca: text });
    if (text.includes('BEGIN CERTIFICATE')) return text;
    throw new Error('it has no certificate');
  } catch (error) {
    const detail = `setting ${setting} names ${file}, which cannot be used (${(error as Error).message})`;
    throw new Fault('badRequest', { detail }, error);
  }
}
