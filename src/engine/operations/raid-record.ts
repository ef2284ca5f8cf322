/** What a node says of its RAID: its configuration, and the properties by which it is chosen and its image finds the disk. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '#domain/json.ts';
import type { CurrentLogicalDisk, CurrentRaid } from '#domain/raid.ts';
import type { RaidVolume, Task } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { findNode } from '../nodes/find-node.ts';

type Facts = Pick<Node, 'raid_config' | 'properties'>;
type Recording = {
  /** The disks known before have been erased, and are no more: the next cleaning does not miss them. */
  readonly forgetsDisks?: boolean;
};

/** The volumes that the machine has now; none: the node has no RAID. */
export async function recordRaid(
  store: Store,
  uuid: string,
  current: CurrentRaid,
  { forgetsDisks = false }: Recording = {},
): Promise<void> {
  await store.transaction(async (trx) => {
    const node = await findNode(trx, uuid);
    const now = new Date().toISOString();
    const facts = raidFacts(node, current, now);
    await trx.nodes.update({ uuid }, { ...facts, ...(forgetsDisks && { known_disks: [] }), updated_at: now });
  });
}

type Recorded = Recording & {
  readonly task: Pick<Task, 'node'>;
  readonly volumes: readonly RaidVolume[];
  /** Id of the volume that is the root volume now; undefined: the former one, if it is still there. */
  readonly root: string | undefined;
};

/** The volumes that a BMC lists. */
export function recordVolumes(store: Store, { task: { node }, volumes, root, ...recording }: Recorded): Promise<void> {
  const former = node.raid_config.logical_disks?.find(({ is_root_volume }) => is_root_volume);
  const isFormer = ({ id, controller }: RaidVolume) => former?.['id'] === nameIn(id) && former?.['controller'] === controller;
  const isRoot = (volume: RaidVolume) => (root === undefined ? isFormer(volume) : volume.id === root);
  return recordRaid(store, node.uuid, currentOf(volumes, isRoot), recording);
}

const gib = 1024 ** 3;

function currentOf(volumes: readonly RaidVolume[], isRoot: (volume: RaidVolume) => boolean): CurrentRaid {
  const logical_disks = volumes.flatMap((volume) => {
    const { id, name, controller, size_bytes, raid_level, root_device_hint } = volume;
    if (raid_level === undefined) return [];
    const root = isRoot(volume) && { is_root_volume: true, ...(root_device_hint && { root_device_hint }) };
    return [{ id: nameIn(id), name, controller, size_gb: Math.floor(size_bytes / gib), raid_level, ...root }];
  });
  return { logical_disks };
}

/** As operators know it: the last part of its path. */
export function nameIn(path: string): string {
  return path.split('/').filter(Boolean).at(-1) ?? path;
}

/**
 * As Ironic's `update_raid_info`: the root volume gives `local_gb`, `root_device` and the capability `raid_level`. What
 * the former root volume gave is removed; Ironic leaves that, or removes what an operator has set, too.
 */
export function raidFacts(node: Facts, current: CurrentRaid, now: string): Facts {
  const properties = withRoot(withoutRoot(node.properties, rootOf(node.raid_config)), rootOf(current));
  return { properties, raid_config: current.logical_disks.length > 0 ? { ...current, last_updated: now } : {} };
}

function rootOf(config: Node['raid_config'] | CurrentRaid): CurrentLogicalDisk | undefined {
  return config.logical_disks?.find(({ is_root_volume }) => is_root_volume);
}

function withoutRoot(properties: JsonObject, root: CurrentLogicalDisk | undefined): JsonObject {
  if (!root) return properties;
  const { root_device, ...others } = properties;
  const isOwn = root.root_device_hint !== undefined && isDeepStrictEqual(root_device, root.root_device_hint);
  const kept = root_device === undefined || isOwn ? others : properties;
  return capabilityOf(kept, raidLevel) === root.raid_level ? withCapability(kept, raidLevel, undefined) : kept;
}

function withRoot(properties: JsonObject, root: CurrentLogicalDisk | undefined): JsonObject {
  if (!root) return properties;
  const { size_gb, root_device_hint, raid_level } = root;
  const changed = {
    ...properties,
    ...(size_gb !== 'MAX' && { local_gb: size_gb }),
    ...(root_device_hint && { root_device: root_device_hint }),
  };
  return withCapability(changed, raidLevel, raid_level);
}

const raidLevel = 'raid_level';

/** `k:v,k:v` */
function pairsOf({ capabilities }: JsonObject): [string, string][] {
  if (typeof capabilities !== 'string') return [];
  const parts = capabilities.split(',').filter((part) => part.includes(':'));
  return parts.map((part) => [part.slice(0, part.indexOf(':')).trim(), part.slice(part.indexOf(':') + 1)]);
}

function capabilityOf(properties: JsonObject, name: string): string | undefined {
  return pairsOf(properties).find(([key]) => key === name)?.[1];
}

/** Capabilities that are an object are not Ironic's, and stay as they are. */
function withCapability(properties: JsonObject, name: string, value: string | undefined): JsonObject {
  const { capabilities, ...others } = properties;
  if (capabilities !== undefined && typeof capabilities !== 'string') return properties;
  const kept = pairsOf(properties).filter(([key]) => key !== name);
  const pairs = value === undefined ? kept : [...kept, [name, value] as const];
  return pairs.length > 0 ? { ...others, capabilities: pairs.map((pair) => pair.join(':')).join(',') } : others;
}
