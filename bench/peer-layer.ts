/** Layer that turns the deploy ramdisk into the peer's: this host's curl and dd, and a script in place of the agent. */
import { readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type CpioEntry, cpioArchive } from '#build/ramdisk/cpio.ts';
import { librariesOf } from '#build/ramdisk/libraries.ts';

const folder = 'opt/peer';
const programs = ['/usr/bin/curl', '/usr/bin/dd'];
const script = join(import.meta.dirname, 'peer-script.sh');

/**
 * A cpio archive for the kernel to unpack after the ramdisk, whose init then starts our script in place of Node.js.
 * @param url of the compressed image
 */
export async function peerLayer(url: string): Promise<Buffer> {
  const libraries = await librariesOf('/', programs);
  const program = (path: string, place: string): CpioEntry => ({
    path: `${folder}/${place}/${basename(path)}`,
    mode: 0o755,
    type: 'file',
    content: readFileSync(realpathSync(path)),
  });
  const folders = ['opt', folder, `${folder}/bin`, `${folder}/lib`];
  const entries: CpioEntry[] = [
    ...folders.map((path): CpioEntry => ({ path, mode: 0o755, type: 'folder' })),
    ...programs.map((path) => program(path, 'bin')),
    ...libraries.map((path) => program(join('/', path), 'lib')),
    { path: `${folder}/url`, mode: 0o644, type: 'file', content: Buffer.from(`${url}\n`) },
    { path: 'bin/node', mode: 0o755, type: 'file', content: readFileSync(script) },
  ];
  return Buffer.concat([...cpioArchive(entries)]);
}
