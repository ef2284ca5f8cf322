/**
 * What the agent in the ramdisk and the server say to each other: JSON over HTTP, always asked by the agent, on the
 * provisioning listener. Every request carries `authorization: Bearer <ingot.token of the kernel line>`; the token
 * belongs to one operation on one node and dies with it.
 */
import { type Static, Type } from 'typebox';
import { logLinesMax } from './routes.ts';

export { type CommandName, commandNames, kernelParameters, routes } from './routes.ts';

export const Disk = Type.Object({
  /** `/dev/sda` */
  device: Type.String(),
  size_bytes: Type.Number(),
  model: Type.String(),
  serial: Type.String(),
  rotational: Type.Boolean(),
  removable: Type.Boolean(),
  /** Bytes the device can discard, or zero by one command; 0 = it cannot. */
  discard_max_bytes: Type.Number(),
  write_zeroes_max_bytes: Type.Number(),
});
export type Disk = Static<typeof Disk>;

export const Nic = Type.Object({
  name: Type.String(),
  mac: Type.String(),
  driver: Type.String(),
  link: Type.Boolean(),
  speed_mbps: Type.Union([Type.Number(), Type.Null()]),
  address: Type.Union([Type.String(), Type.Null()]),
});
export type Nic = Static<typeof Nic>;

export const Inventory = Type.Object({
  cpu: Type.Object({ count: Type.Number(), model: Type.String(), architecture: Type.String(), flags: Type.Array(Type.String()) }),
  memory_bytes: Type.Number(),
  disks: Type.Array(Disk),
  nics: Type.Array(Nic),
  system: Type.Object({ vendor: Type.String(), product: Type.String(), serial: Type.String(), uuid: Type.String() }),
  firmware: Type.Object({ mode: Type.Union([Type.Literal('bios'), Type.Literal('uefi')]), version: Type.String() }),
});
export type Inventory = Static<typeof Inventory>;

export const Hello = Type.Object({
  agent_version: Type.String(),
  /** Seconds since the kernel started. */
  uptime_seconds: Type.Number(),
  kernel: Type.String(),
  boot_mac: Type.Union([Type.String(), Type.Null()]),
  address: Type.String(),
  inventory: Inventory,
});
export type Hello = Static<typeof Hello>;

/** Asks for the next command; answered with `Command`, or 204 after `wait_seconds` (at most 30) with nothing to do. */
export const Next = Type.Object({ wait_seconds: Type.Number() });

/** Names and what they take and return. */
export const WriteImage = Type.Object({
  /** Path on the provisioning listener. */
  path: Type.String(),
  /** Of the stream as sent. */
  sha256: Type.String(),
  size: Type.Number(),
  virtual_size: Type.Number(),
  /** Ironic root device hints (`name`, `serial`, `size` GiB minimum, `model`…); absent = smallest disk of at least `minimum_bytes`. */
  root_device: Type.Optional(Type.Record(Type.String(), Type.String())),
  minimum_bytes: Type.Number(),
});
export type WriteImage = Static<typeof WriteImage>;
export const WriteImageResult = Type.Object({
  device: Type.String(),
  data_bytes: Type.Number(),
  skipped_bytes: Type.Number(),
  seconds: Type.Number(),
});
export type WriteImageResult = Static<typeof WriteImageResult>;

export const WriteConfigDrive = Type.Object({
  path: Type.String(),
  sha256: Type.String(),
  size: Type.Number(),
  device: Type.String(),
});
export type WriteConfigDrive = Static<typeof WriteConfigDrive>;

export const CleanResult = Type.Object({
  disks: Type.Array(
    Type.Object({
      device: Type.String(),
      size_bytes: Type.Number(),
      /** What made the contents unreadable; `metadata` is always done in addition. */
      method: Type.Union([Type.Literal('discard'), Type.Literal('zeroout'), Type.Literal('overwrite'), Type.Literal('metadata')]),
      seconds: Type.Number(),
    }),
  ),
});
export type CleanResult = Static<typeof CleanResult>;

export const Command = Type.Object({
  id: Type.String(),
  name: Type.String(),
  params: Type.Record(Type.String(), Type.Unknown()),
});
export type Command = Static<typeof Command>;

export const Progress = Type.Object({
  command_id: Type.String(),
  done_bytes: Type.Number(),
  total_bytes: Type.Number(),
  message: Type.String(),
});
export type Progress = Static<typeof Progress>;

export const Result = Type.Object({
  command_id: Type.String(),
  ok: Type.Boolean(),
  result: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  error: Type.Optional(Type.String()),
});
export type Result = Static<typeof Result>;

export const Log = Type.Object({ lines: Type.Array(Type.String(), { maxItems: logLinesMax }) });
export type Log = Static<typeof Log>;
