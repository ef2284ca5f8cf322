/** Checks the deploy kernel and ramdisk of the settings: a missing file would fail the first deployment. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { Fault } from '#domain/faults.ts';
import type { BootServerSettings } from './settings.ts';

const fileSettings = ['deploy.kernel', 'deploy.ramdisk', 'deploy.ipa_kernel', 'deploy.ipa_ramdisk'] as const;
type FileSetting = (typeof fileSettings)[number];
const imageId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws Fault `badRequest` that names setting and file; image ids are looked up when they are used */
export async function checkDeployFiles(settings: Pick<BootServerSettings, FileSetting>): Promise<void> {
  for (const name of fileSettings) {
    const path = settings[name];
    if (!path || imageId.test(path)) continue;
    await access(path, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
      throw new Fault('badRequest', { detail: `setting ${name} names ${path}, which cannot be read (${error.code})` });
    });
  }
}
