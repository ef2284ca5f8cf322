/**
 * Messages between the agent in the ramdisk and the server: JSON requests of the agent on the provisioning network,
 * over HTTPS with the certificate that the kernel line pins, or over HTTP where the site has disabled that.
 *
 * `hello` carries the bootstrap token of the kernel line (`authorization: Bearer …`), which is valid for one agent: the
 * first `instance` that presents it. The response contains the session token, which all other requests carry, from the
 * same address. A repeated hello gets the same response; a hello of another instance or address is rejected, and ends
 * the operation. Both tokens belong to one operation on one node and expire with it. An image is fetched with a token
 * derived from the session token (image-token.ts). Each message has a size limit here and a rate limit at the server,
 * which responds with 429.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { errorMax, logLineMax, logLinesMax } from './routes.ts';

export { type CommandName, commandNames, kernelParameters, routes } from './routes.ts';

/** Free text from hardware and firmware. */
const Text = Type.String({ maxLength: 256 });
const Name = Type.String({ maxLength: 64 });
const Count = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const list = <T extends TSchema>(item: T, maxItems: number) => Type.Array(item, { maxItems });

export const Disk = Type.Object({
  /** `/dev/sda` */
  device: Name,
  size_bytes: Count,
  model: Text,
  serial: Text,
  rotational: Type.Boolean(),
  removable: Type.Boolean(),
  /** Bytes the disk can discard, or zero, with one command; 0 = not supported. */
  discard_max_bytes: Count,
  write_zeroes_max_bytes: Count,
  /** For root device hints; empty or absent = the disk does not report it. */
  vendor: Type.Optional(Text),
  /** udev's ID_WWN: `0x5000c500a0b1c2d3` for SCSI and ATA disks, `eui.…` or `nvme.…` for NVMe. */
  wwn: Type.Optional(Text),
  wwn_vendor_extension: Type.Optional(Text),
  wwn_with_extension: Type.Optional(Text),
  /** `0:0:0:0`: SCSI host, channel, target, LUN. */
  hctl: Type.Optional(Text),
  /** `/dev/disk/by-path/pci-0000:01:00.0-nvme-1` */
  by_path: Type.Optional(Text),
  /** lsblk's TRAN: `sata`, `sas`, `nvme`, `usb`, `virtio`. */
  tran: Type.Optional(Text),
});
export type Disk = Static<typeof Disk>;

/** A Linux RAID (md), by the superblocks of its members; it need not run. */
export const RaidArray = Type.Object({
  /** Without the host's name that mdadm may put before it. */
  name: Name,
  uuid: Name,
  /** Ironic's word: `1`, `1+0`, …; others as the kernel says. */
  level: Name,
  /** How many members belong to it; fewer may be there. */
  members_wanted: Count,
  /** Partitions or disks: `/dev/sda1`. */
  members: list(Name, 256),
});
export type RaidArray = Static<typeof RaidArray>;

export const Nic = Type.Object({
  name: Name,
  /** For an InfiniBand port: the Ethernet form of its GUID (infiniband.ts). */
  mac: Name,
  driver: Name,
  link: Type.Boolean(),
  speed_mbps: Type.Union([Count, Type.Null()]),
  address: Type.Union([Name, Type.Null()]),
  /** The full address of an InfiniBand port, 20 bytes. */
  infiniband_address: Type.Optional(Name),
  /** The DHCP client id of its firmware, if known. */
  client_id: Type.Optional(Name),
});
export type Nic = Static<typeof Nic>;

export const Inventory = Type.Object({
  cpu: Type.Object({ count: Count, model: Text, architecture: Name, flags: list(Name, 1000) }),
  memory_bytes: Count,
  /** Physical ones; see `arrays`. */
  disks: list(Disk, 256),
  /** Absent = none, or not known. */
  arrays: Type.Optional(list(RaidArray, 64)),
  nics: list(Nic, 128),
  system: Type.Object({ vendor: Text, product: Text, serial: Text, uuid: Text }),
  firmware: Type.Object({ mode: Type.Union([Type.Literal('bios'), Type.Literal('uefi')]), version: Text }),
});
export type Inventory = Static<typeof Inventory>;

export const Hello = Type.Object({
  protocol: Type.Integer({ minimum: 1, maximum: 1000 }),
  /**
   * Random, generated when the ramdisk starts and kept there: distinguishes this agent from any other with the token.
   */
  instance: Type.String({ pattern: '^[A-Za-z0-9_-]{22,64}$' }),
  agent_version: Name,
  /** Seconds since the kernel started. */
  uptime_seconds: Count,
  kernel: Text,
  boot_mac: Type.Union([Name, Type.Null()]),
  address: Name,
  inventory: Inventory,
});
export type Hello = Static<typeof Hello>;

export const HelloReply = Type.Object({ node_uuid: Type.String(), session: Type.String() });
export type HelloReply = Static<typeof HelloReply>;

/**
 * Requests the next command; the response is a `Command`, or 204 when none arrives within `wait_seconds` (at most 30).
 */
export const Next = Type.Object({ wait_seconds: Type.Number() });

/** A volume of software RAID that the node has; `is_root` as the operator has said. */
export const RaidVolume = Type.Object({ name: Name, is_root: Type.Optional(Type.Boolean()) });
export type RaidVolume = Static<typeof RaidVolume>;

/** Commands with their parameters and results. */
export const WriteImage = Type.Object({
  /** Path on the provisioning listener. */
  path: Type.String(),
  /** The plain listener; absent = the listener for messages. */
  base_url: Type.Optional(Type.String()),
  /** Checksum of the stream as sent. */
  sha256: Type.String(),
  size: Type.Number(),
  virtual_size: Type.Number(),
  /** Ironic's root device hints, see root-device.ts; absent = smallest disk of at least `minimum_bytes`. */
  root_device: Type.Optional(Type.Record(Type.String(), Type.String())),
  minimum_bytes: Type.Number(),
  /** The volumes of the node's software RAID: they can be the root disk, and their members cannot. */
  raid: Type.Optional(list(RaidVolume, 64)),
});
export type WriteImage = Static<typeof WriteImage>;
export const WriteImageResult = Type.Object({
  device: Name,
  data_bytes: Count,
  skipped_bytes: Count,
  seconds: Count,
});
export type WriteImageResult = Static<typeof WriteImageResult>;

export const WriteConfigDrive = Type.Object({
  path: Type.String(),
  sha256: Type.String(),
  size: Type.Number(),
  device: Type.String(),
});
export type WriteConfigDrive = Static<typeof WriteConfigDrive>;

/**
 * Deletes all software RAID, if it `deletes`, then makes the volumes. What has been made of them is kept, so that it can be
 * repeated after a power cut.
 */
export const ApplyRaid = Type.Object({
  deletes: Type.Boolean(),
  /** Logical disks of Ironic's API; see raid-plan.ts. */
  creates: list(Type.Record(Type.String(), Type.Unknown()), 64),
  /** The capability `disk_label`. */
  disk_label: Type.Optional(Name),
});
export type ApplyRaid = Static<typeof ApplyRaid>;
export const ApplyRaidResult = Type.Object({
  /** In the order of `creates`, without the array of the EFI system partitions. */
  volumes: list(Type.Object({ name: Name, uuid: Name, size_bytes: Count, members: list(Name, 256) }), 64),
  /** Names of the arrays that were deleted. */
  deleted: list(Name, 256),
});
export type ApplyRaidResult = Static<typeof ApplyRaidResult>;

export const CleanResult = Type.Object({
  disks: list(
    Type.Object({
      device: Name,
      size_bytes: Count,
      /** How the contents were made unreadable; `metadata` is always done in addition. */
      method: Type.Union([Type.Literal('discard'), Type.Literal('zeroout'), Type.Literal('overwrite'), Type.Literal('metadata')]),
      seconds: Count,
    }),
    256,
  ),
});
export type CleanResult = Static<typeof CleanResult>;

export const Command = Type.Object({
  id: Type.String(),
  name: Type.String(),
  params: Type.Record(Type.String(), Type.Unknown()),
  /** By which the server keeps the result; absent = `name`. */
  key: Type.Optional(Type.String()),
});
export type Command = Static<typeof Command>;

export const Progress = Type.Object({
  command_id: Name,
  done_bytes: Count,
  total_bytes: Count,
  message: Text,
});
export type Progress = Static<typeof Progress>;

export const Result = Type.Object({
  command_id: Name,
  ok: Type.Boolean(),
  result: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  error: Type.Optional(Type.String({ maxLength: errorMax })),
});
export type Result = Static<typeof Result>;

export const Log = Type.Object({ lines: list(Type.String({ maxLength: logLineMax }), logLinesMax) });
export type Log = Static<typeof Log>;

/** Maximum size of a body in bytes, by route: the largest `result` has a list of disks. */
export const bodyMax = { hello: 192 * 1024, next: 1024, progress: 4096, result: 64 * 1024, log: 512 * 1024 } as const;
