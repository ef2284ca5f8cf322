/** RAID volumes that a BMC changes: see `RaidInterface` in interfaces.ts. */
import type { JsonObject } from '#domain/json.ts';
import type { LogicalDisk, RaidLevel } from '#domain/raid.ts';
import type { CallOptions, NodeFacts } from './machine-interfaces.ts';

/** A volume of a RAID controller. */
export type RaidVolume = {
  /** By which the driver finds it again: a path. Some controllers number the others anew when one is deleted. */
  readonly id: string;
  /** Unlike the id, it stays the same; absent: the controller reports none. */
  readonly durable_name?: string;
  readonly name: string;
  readonly controller: string;
  readonly size_bytes: number;
  /** Absent: not one of Ironic's levels. */
  readonly raid_level?: RaidLevel;
  /** By which the machine's system names it. */
  readonly root_device_hint?: JsonObject;
  /** Ids of its drives; absent: not reported. */
  readonly drives?: readonly string[];
};

/** A volume that is to be made: everything has been chosen. JSON, for the operation's row. */
export type PlannedVolume = {
  readonly controller: string;
  /** Where it is created: a path. */
  readonly at: string;
  readonly raid_level: RaidLevel;
  readonly drives: string[];
  /** Absent: as large as it can be. */
  readonly size_bytes?: number;
  readonly name?: string;
};

/** A creation or deletion that the BMC has accepted. */
export type RaidTask = {
  /** By which the driver finds it: a path. Empty: the BMC names none. */
  readonly id: string;
  /** The request that began it, for messages. */
  readonly request: string;
};
/** `againIn`: seconds until the next poll. `needsRestart`: it is done while the machine restarts. */
export type RaidProgress = { readonly task: RaidTask; readonly againIn: number; readonly needsRestart?: boolean };

export type OutOfBandRaid = {
  readVolumes(node: NodeFacts, callOptions?: CallOptions): Promise<RaidVolume[]>;
  /**
   * Chooses controller and drives of each logical disk, before anything is changed.
   * @param gone ids of the volumes that will have been deleted before
   * @throws Fault `badRequest` if they cannot be had
   */
  plan(
    node: NodeFacts,
    wanted: { disks: readonly LogicalDisk[]; gone: readonly string[] },
    callOptions?: CallOptions,
  ): Promise<PlannedVolume[]>;
  /** Sends the request. @returns undefined if it is done. Not to be repeated while one may be under way. */
  create(node: NodeFacts, volume: PlannedVolume, callOptions?: CallOptions): Promise<RaidProgress | undefined>;
  /** A volume that is gone already is no error. */
  remove(node: NodeFacts, volume: Pick<RaidVolume, 'id'>, callOptions?: CallOptions): Promise<RaidProgress | undefined>;
  /** @returns undefined once it has succeeded; throws what the BMC reports otherwise */
  poll(node: NodeFacts, task: RaidTask, callOptions?: CallOptions): Promise<RaidProgress | undefined>;
  /** Whether what is requested at this path shows only after a restart of the machine. Absent: it never does. */
  appliesAtRestart?(node: NodeFacts, request: { at: string }, callOptions?: CallOptions): Promise<boolean>;
  /** After a crash: the task of a request whose reply was lost; undefined: the BMC has none. */
  find(node: NodeFacts, request: { at: string }, callOptions?: CallOptions): Promise<RaidProgress | undefined>;
};
