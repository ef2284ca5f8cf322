/** How an image was written to the disk, from a deployment's events. Pure. */
import type { CloudEvent } from '#demo/cloud-client.ts';

/** Seconds from the first request until the last byte is on the disk; bytes that the image covers, holes included. */
export type ImageWrite = { seconds: number; diskBytes: number };

/** For both deploy drivers: the agent reports its own seconds, the conductor's write lasts as long as its event. */
export function readImageWrite(events: readonly CloudEvent[]): ImageWrite | undefined {
  return events
    .filter(({ kind, subject }) => kind === 'note' && subject === 'image')
    .map((event) => agentWrite(event) ?? conductorWrite(event))
    .findLast((found) => found !== undefined);
}

function agentWrite({ data }: CloudEvent): ImageWrite | undefined {
  const { data_bytes: dataBytes, skipped_bytes: skippedBytes, seconds } = data;
  if (![dataBytes, skippedBytes, seconds].every((value) => typeof value === 'number')) return undefined;
  return { seconds: seconds as number, diskBytes: (dataBytes as number) + (skippedBytes as number) };
}

function conductorWrite({ data, duration_ms: milliseconds }: CloudEvent): ImageWrite | undefined {
  if (typeof data['bytes'] !== 'number' || milliseconds === null) return undefined;
  return { seconds: milliseconds / 1000, diskBytes: data['bytes'] };
}
