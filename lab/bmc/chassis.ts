import type { Duplex } from 'node:stream';
import type { BootOverride } from './boot-override.ts';

export type MediaDevice = 'cdrom' | 'floppy' | 'disk';

/**
 * The machine as its BMC controls it. A command returns (or resolves) when it has been started; the BMC responds to its
 * caller without waiting, as a real one does, and `power()` shows the effect.
 */
export type Chassis = {
  power(): 'on' | 'off';
  powerOn(): void | Promise<void>;
  /** Immediately, as if the plug were pulled. */
  powerOff(): void | Promise<void>;
  /** Restarts the firmware without cutting power. No effect while off. */
  reset(): void | Promise<void>;
  powerCycle(): void | Promise<void>;
  /** Requests a shutdown of the operating system (ACPI), which may ignore it. */
  softOff(): void | Promise<void>;
  /** A diagnostic interrupt (NMI) to all processors; no effect while off. */
  injectNmi?(): void | Promise<void>;
  /** Attaches another client to the serial line: it receives all output and may type. Absent = no serial line. */
  openConsole?(): Duplex;
  /**
   * Inserts a file (a path on this host) into the drive, or ejects the medium (null); also while the machine runs.
   * @param uri source of the file, for `medium`
   */
  changeMedium?(device: MediaDevice, path: string | null, uri?: string): Promise<void>;
  /** URI of the inserted medium, regardless of who inserted it; null = none. Absent = only the BMC knows. */
  medium?(device: MediaDevice): string | null;
  /** Called after each change of a medium. Present if and only if `medium` is. */
  onMedium?(listener: () => void): () => void;
  /** Boot mode of its firmware. Default `bios`. */
  readonly firmware?: 'bios' | 'uefi';
  /** Called after each change of power. */
  onPower?(listener: () => void): () => void;
  /** Written by the BMC; the machine calls `takeForBoot()` at each start of its firmware. */
  readonly bootOverride: BootOverride;
};
