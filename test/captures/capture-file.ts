/** Captured exchanges as text: `# key: value` lines, then one packet per line, `>` to the BMC and `<` back, in hex. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Passed } from './udp-relay.ts';

export type Capture = { readonly notes: Readonly<Record<string, string>>; readonly packets: readonly Passed[] };

export async function readCapture(path: string): Promise<Capture> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean);
  const notes = lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2).split(': ', 2) as [string, string]);
  const packets = lines
    .filter((line) => /^[<>] /.test(line))
    .map((line): Passed => {
      const direction = line.startsWith('>') ? 'to-bmc' : 'to-console';
      return { direction, packet: Buffer.from(line.slice(2), 'hex') };
    });
  return { notes: Object.fromEntries(notes), packets };
}

export async function writeCapture(path: string, { notes, packets }: Capture): Promise<void> {
  const lines = [
    ...Object.entries(notes).map(([key, value]) => `# ${key}: ${value}`),
    ...packets.map(({ direction, packet }) => `${direction === 'to-bmc' ? '>' : '<'} ${packet.toString('hex')}`),
  ];
  await writeFile(path, `${lines.join('\n')}\n`);
}
