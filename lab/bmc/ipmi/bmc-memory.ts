/** What a BMC keeps beside its board, and forgets when it restarts. */
import { bootParameters } from '#wire/ipmi/chassis-commands.ts';

export class BmcMemory {
  readonly bootOptions = new BootOptions();
  /** Seconds since 1970. */
  readonly startedAt = Math.floor(Date.now() / 1000);
  /** Encoded when they are first asked for: most BMCs of a farm never are. */
  sdrs: readonly Buffer[] | undefined;
  /** Parts of records handed out, as far as an odd BMC counts them. */
  sdrParts = 0;
  readonly reservations = { sdr: 0, sel: 0 };
  /** What the clock of the event log is ahead, in seconds. */
  selTimeAhead = 0;
  /** `settingBy`: the session that is setting. */
  readonly lan: { vlan: number; settingBy?: number | undefined } = { vlan: 0 };
  identifyTimer: NodeJS.Timeout | undefined;

  /** A new reservation, which ends the one before. 0 is none. */
  reserve(what: 'sdr' | 'sel'): number {
    this.reservations[what] = (this.reservations[what] % 0xffff) + 1;
    return this.reservations[what];
  }

  end(): void {
    clearTimeout(this.identifyTimer);
  }
}

/** Boot option parameters that are only kept, and the one bit of parameter 3 that has a meaning here. */
export class BootOptions {
  readonly kept = new Map<number, Buffer>([
    [0, Buffer.of(0)],
    [1, Buffer.of(0)],
    [2, Buffer.of(0)],
    [3, Buffer.of(0)],
    [4, Buffer.of(0, 0)],
  ]);

  /** Table 28-14, parameter 3, bit 3: keep boot flags although no chassis command follows within 60 s. */
  get keepFlags(): boolean {
    return ((this.kept.get(bootParameters.validBitClearing)?.[0] ?? 0) & 0x08) !== 0;
  }
}
