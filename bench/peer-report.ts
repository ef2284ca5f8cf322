/** Parses the peer's console output. Pure. */

/** `plain` writes the whole disk, zeros included; `sparse` skips blocks of zeros, correct only on an empty disk. */
export const peerWays = ['plain', 'sparse'] as const;
export type PeerWay = (typeof peerWays)[number];
export type PeerWrite = { way: PeerWay; seconds: number; diskBytes: number };

export type PeerWord = PeerWrite | 'finished' | { failure: string };

const writeLine = /ingot-peer: (plain|sparse) from ([\d.]+) to ([\d.]+) bytes (\d+)/;
const failureLines = [/ingot-peer: failed: (.*)/, /(Kernel panic - not syncing.*)/, /(ingot-init: network: no .*)/];

/** Parses one line of the console; undefined if it is not from the peer. */
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
