import type { Duplex } from 'node:stream';
import type { BootOverride } from './boot-override.ts';

export type MediaDevice = 'cdrom' | 'floppy' | 'disk';

/**
 * The machine as its BMC sees and drives it. A command returns (or resolves) when it has been begun; the BMC answers its
 * caller without waiting, as a real one does, and `power()` tells the effect.
 */
export type Chassis = {
  power(): 'on' | 'off';
  powerOn(): void | Promise<void>;
  /** At once, as if the plug were pulled. */
  powerOff(): void | Promise<void>;
  /** Starts the firmware anew without cutting power. Off stays off. */
  reset(): void | Promise<void>;
  powerCycle(): void | Promise<void>;
  /** Asks the system that runs to shut down (ACPI). It may not. */
  softOff(): void | Promise<void>;
  /** A diagnostic interrupt to all processors; nothing while it is off. */
  injectNmi?(): void | Promise<void>;
  /** One more end of the serial line: it hears all that the machine prints and may type. Absent = no serial line. */
  openConsole?(): Duplex;
  /** Puts a file (its path on this host) into the drive, or takes out what is in it (null); works while it runs.
   * @param uri where the file came from, for `medium` */
  changeMedium?(device: MediaDevice, path: string | null, uri?: string): Promise<void>;
  /** URI of what is in the drive, whoever has put it in; null = nothing. Absent = the BMC alone knows. */
  medium?(device: MediaDevice): string | null;
  /** Called after each change of a medium. With `medium`, or not at all. */
  onMedium?(listener: () => void): () => void;
  /** How its firmware boots. Default `bios`. */
  readonly firmware?: 'bios' | 'uefi';
  /** Called after each change of power. */
  onPower?(listener: () => void): () => void;
  /** The BMC writes it; the machine calls `takeForBoot()` at each start of its firmware. */
  readonly bootOverride: BootOverride;
};
