/**
 * The commands of Ingot's agent as sequences of IPA's. What a sequence has done is durable, so it goes on after a restart
 * of Ingot where it was.
 */
import { cleanDisks } from './clean-disks.ts';
import type { IpaProgram } from './program.ts';
import { writeImage } from './write-image.ts';

/** IPA writes the config drive together with the image. */
const writeConfigDrive: IpaProgram = { next: async () => ({ reply: { ok: true, result: {} } }), keep: () => ({}) };

const programTable: Readonly<Record<string, IpaProgram>> = {
  'write-image': writeImage,
  'write-config-drive': writeConfigDrive,
  clean: cleanDisks,
};

export function programOf(command: string): IpaProgram | undefined {
  return Object.hasOwn(programTable, command) ? programTable[command] : undefined;
}
