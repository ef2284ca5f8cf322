/** The hardware of a machine as its BMC reports it, for an inspection out of band. */
import type { JsonObject } from './json.ts';

/** A drive, or a volume of a RAID controller. */
export type FoundDisk = {
  readonly name: string;
  readonly size_bytes: number;
  readonly model?: string;
  readonly vendor?: string;
  readonly serial?: string;
  /** `0x5000c500a0b1c2d3` */
  readonly wwn?: string;
  readonly rotational?: boolean;
};

export type FoundNic = {
  readonly name: string;
  /** Lower case, with colons. */
  readonly mac: string;
  readonly speed_mbps?: number;
  readonly link?: boolean;
  /** Without a zone. */
  readonly ipv4?: string;
  readonly ipv6?: string;
};

/** What the BMC does not report is absent. */
export type FoundHardware = {
  readonly cpu: {
    /** Hardware threads of all processors together. */
    readonly count?: number;
    readonly architecture?: string;
    readonly model?: string;
    readonly frequency_mhz?: number;
  };
  readonly memory_mb?: number;
  readonly drives: readonly FoundDisk[];
  /** What an operating system sees: the volumes of each controller that has some, which hide its drives, else the drives. */
  readonly disks: readonly FoundDisk[];
  readonly nics: readonly FoundNic[];
  readonly boot_mode?: 'bios' | 'uefi';
  readonly system: {
    readonly manufacturer?: string;
    readonly product?: string;
    readonly serial?: string;
    readonly uuid?: string;
    readonly bios_version?: string;
  };
  /** In the format of Ironic's inspect interface `redfish`. */
  readonly storage_controllers: readonly JsonObject[];
  readonly pci_devices: readonly JsonObject[];
  /** What switches say, by NIC, in the format of Ironic's `parsed_lldp`. */
  readonly lldp: Readonly<Record<string, JsonObject>>;
};
