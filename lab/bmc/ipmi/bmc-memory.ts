/** What a BMC keeps beside its board, and forgets when it restarts. */
import { bootParameters } from '#wire/ipmi/chassis-commands.ts';

export class BmcMemory {
  readonly bootOptions = new BootOptions();
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
