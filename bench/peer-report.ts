/** What the peer says on its console. Pure. */

/** `plain` writes all of the disk, zeros too; `sparse` leaves out blocks of zeros, which only an empty disk forgives. */
export const peerWays = ['plain', 'sparse'] as const;
export type PeerWay = (typeof peerWays)[number];
export type PeerWrite = { way: PeerWay; seconds: number; diskBytes: number };

export type PeerWord = PeerWrite | 'finished' | { failure: string };

const writeLine = /ingot-peer: (plain|sparse) from ([\d.]+) to ([\d.]+) bytes (\d+)/;
const failureLines = [/ingot-peer: failed: (.*)/, /(Kernel panic - not syncing.*)/, /(ingot-init: network: no .*)/];

/** One line of the console; undefined where it says nothing about the peer. */
export function readPeerWord(line: string): PeerWord | undefined {
  const written = writeLine.exec(line);
  if (written) {
    const [, way, begun, ended, bytes] = written;
    return { way: way as PeerWay, seconds: Number(ended) - Number(begun), diskBytes: Number(bytes) };
  }
  if (line.includes('ingot-peer: finished')) return 'finished';
  const failure = failureLines.map((pattern) => pattern.exec(line)?.[1]).find((text) => text !== undefined);
  return failure === undefined ? undefined : { failure: failure.trim() };
}
