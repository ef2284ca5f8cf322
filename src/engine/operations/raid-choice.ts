/**
 * What a RAID step of a request is to do, resolved when the operation begins: the node's interface and its
 * `target_raid_config` may change later. Texts are Ironic's where it has one.
 */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { chosenDisks, isRaidConfig, type LogicalDisk, type RaidChange, type RaidConfig, raidComplaint } from '#domain/raid.ts';
import type { Drivers, RaidInterface } from '#drivers/interfaces.ts';
import type { Node } from '#store/tables/nodes.ts';
import { interfaceOf } from '../worker/task.ts';

/** As kept in the request of an operation. */
export const RaidStep = Type.Object({
  interface: Type.String(),
  change: Type.Unsafe<RaidChange>(Type.Object({ deletes: Type.Boolean(), creates: Type.Array(Type.Object({})) })),
  /** Becomes the node's `target_raid_config`. */
  target: Type.Optional(Type.Unsafe<RaidConfig>(Type.Object({ logical_disks: Type.Array(Type.Object({})) }))),
  /** The disks hold no data when it begins, so those that it removes are not missed by the next cleaning. */
  is_erased: Type.Optional(Type.Boolean()),
});
export type RaidStep = Static<typeof RaidStep>;

const RaidConfigArg = Type.Unsafe<JsonObject>(Type.Object({}));
const Flag = Type.Optional(Type.Boolean());
const flags = { create_root_volume: Flag, create_nonroot_volumes: Flag, delete_existing: Flag };

export const CreateArgs = Type.Object(flags, { additionalProperties: false });
export const ApplyArgs = Type.Object({ raid_config: RaidConfigArg, ...flags }, { additionalProperties: false });
export const DeleteArgs = Type.Object({}, { additionalProperties: false });

type RaidArgs = Partial<Static<typeof ApplyArgs>>;

export type RaidNode = Pick<Node, 'uuid' | 'raid_interface' | 'must_clean'> & Partial<Pick<Node, 'target_raid_config'>>;

export type RaidQuestion = {
  readonly drivers: Drivers;
  readonly node: RaidNode;
  /** `create_configuration`, `delete_configuration` or `apply_configuration`, with arguments of the right types. */
  readonly step: string;
  readonly args: JsonObject;
  /** A step before it erases the disks. */
  readonly isErased: boolean;
};

/** Undefined: the node names an interface that does not exist, which is another complaint. */
export function raidOf(drivers: Drivers, { raid_interface }: Pick<Node, 'raid_interface'>): RaidInterface | undefined {
  return Object.hasOwn(drivers.raid, raid_interface) ? drivers.raid[raid_interface] : undefined;
}

/** @throws Fault `badRequest` */
export function resolveRaid({ drivers, node, step, args, isErased }: RaidQuestion): RaidStep {
  const raid = interfaceOf(drivers.raid, node.raid_interface);
  const given = args as RaidArgs;
  const isErasedBefore = isErased || !node.must_clean;
  const change = step === 'delete_configuration' ? { deletes: true, creates: [] } : creation({ raid, node, step }, given);
  if (change.deletes && !isErasedBefore) refuseUnerased(raid, node);
  return {
    interface: node.raid_interface,
    change,
    ...(given.raid_config && raid.outOfBand && { target: given.raid_config as unknown as RaidConfig }),
    ...(isErasedBefore && raid.outOfBand && { is_erased: true }),
  };
}

type Creation = { raid: RaidInterface; node: RaidNode; step: string };

function creation({ raid, node, step }: Creation, args: RaidArgs): RaidChange {
  const isApplied = step === 'apply_configuration';
  const config: unknown = isApplied ? args.raid_config : node.target_raid_config;
  if (!isApplied && Object.keys(node.target_raid_config ?? {}).length === 0)
    throw refusal(`Node ${node.uuid} has no target RAID configuration.`);
  checkRaidConfig(raid, config);
  const { create_root_volume: root = true, create_nonroot_volumes: nonroot = isApplied ? raid.applies.nonroot : true } = args;
  const { delete_existing: deletes = isApplied ? raid.applies.deletes : false } = args;
  const chosen = chosenDisks(config, { root, nonroot });
  // A volume of all that is left comes last, as otherwise nothing would be left for the others.
  const creates = raid.outOfBand ? [...chosen.filter(hasSize), ...chosen.filter((disk) => !hasSize(disk))] : chosen;
  if (creates.length > 0) return { deletes, creates };
  const skipped = [...(root ? [] : ['skipping root volume']), ...(nonroot ? [] : ['skipping non-root volumes'])].join(' and ');
  throw refusal(`Node ${node.uuid} has empty target RAID configuration after ${skipped}.`);
}

function hasSize({ size_gb }: LogicalDisk): boolean {
  return size_gb !== 'MAX';
}

/** @throws Fault `badRequest` */
export function checkRaidConfig(raid: RaidInterface, config: unknown): asserts config is RaidConfig {
  if (!isRaidConfig(config)) throw refusal(raidComplaint(config) ?? '');
  raid.checkConfig(config);
}

/**
 * The disks behind a RAID controller are seen by no erasure once their volume is gone, and the next volume could show
 * what they hold. An agent in the ramdisk sees them all.
 */
function refuseUnerased({ outOfBand, simulated }: RaidInterface, { uuid }: RaidNode): void {
  if (!outOfBand || simulated) return;
  const why = "The disks of the node may hold a tenant's data, which an erasure would not find once its volumes are deleted";
  throw refusal(`${why} (node ${uuid}): deploy.erase_devices must come before the RAID step.`);
}

function refusal(detail: string): Fault {
  return new Fault('badRequest', { detail });
}
