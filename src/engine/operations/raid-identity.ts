/**
 * Which volume is which after others were deleted: some controllers number the remaining ones anew, so that an id may name
 * another volume by then.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Static, Type } from 'typebox';
import type { RaidVolume } from '#drivers/interfaces.ts';

/** By its durable name, or else by what it is, if no other one is the same, or else by its id. */
export const VolumeIdentity = Type.Object({
  id: Type.String(),
  durable_name: Type.Optional(Type.String()),
  what: Type.Optional(Type.Array(Type.String())),
});
export type VolumeIdentity = Static<typeof VolumeIdentity>;

export function identityOf(volume: RaidVolume, all: readonly RaidVolume[]): VolumeIdentity {
  const { id, durable_name } = volume;
  const isNamed = durable_name !== undefined && all.filter((other) => other.durable_name === durable_name).length === 1;
  if (isNamed) return { id, durable_name };
  const what = whatOf(volume);
  const twins = all.filter((other) => isDeepStrictEqual(whatOf(other), what));
  return twins.length === 1 ? { id, what } : { id };
}

/** Undefined: it is gone. */
export function volumeOf({ id, durable_name, what }: VolumeIdentity, volumes: readonly RaidVolume[]): RaidVolume | undefined {
  if (durable_name !== undefined) return volumes.find((volume) => volume.durable_name === durable_name);
  return volumes.find((volume) => (what ? isDeepStrictEqual(whatOf(volume), what) : volume.id === id));
}

function whatOf({ controller, name, raid_level, size_bytes, drives = [] }: RaidVolume): string[] {
  return [controller, name, raid_level ?? '', String(size_bytes), ...drives.toSorted()];
}
