/** State of a BMC besides its board, lost on restart. */
import { bootParameters } from '#wire/ipmi/chassis-commands.ts';

export class BmcMemory {
  readonly bootOptions = new BootOptions();
  /** Seconds since 1970. */
  readonly startedAt = Math.floor(Date.now() / 1000);
  /** Encoded on first use: most BMCs of a farm never need it. */
  sdrs: readonly Buffer[] | undefined;
  /** Record parts returned so far, for a BMC whose profile counts them. */
  sdrParts = 0;
  readonly reservations = { sdr: 0, sel: 0 };
  /** Offset of the event log's clock, in seconds. */
  selTimeAhead = 0;
  /** `settingBy`: the session that has set-in-progress. */
  readonly lan: { vlan: number; settingBy?: number | undefined } = { vlan: 0 };
  identifyTimer: NodeJS.Timeout | undefined;

  /** A new reservation, which cancels the previous one. 0 is none. */
  reserve(what: 'sdr' | 'sel'): number {
    this.reservations[what] = (this.reservations[what] % 0xffff) + 1;
    return this.reservations[what];
  }

  end(): void {
    clearTimeout(this.identifyTimer);
  }
}

/** Boot option parameters that are only stored, and the one bit of parameter 3 that has an effect here. */
export class BootOptions {
  readonly kept = new Map<number, Buffer>([
    [0, Buffer.of(0)],
    [1, Buffer.of(0)],
    [2, Buffer.of(0)],
    [3, Buffer.of(0)],
    [4, Buffer.of(0, 0)],
  ]);

  /** Table 28-14, parameter 3, bit 3: keep the boot flags when no chassis command follows within 60 s. */
  get keepFlags(): boolean {
    return ((this.kept.get(bootParameters.validBitClearing)?.[0] ?? 0) & 0x08) !== 0;
  }
}
