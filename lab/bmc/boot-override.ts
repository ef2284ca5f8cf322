/** The boot device that a BMC's owner asked for, as a machine's firmware consumes it. IPMI 2.0 rev 1.1 table 28-14. */

export type BootOverrideRequest = {
  readonly device: 'none' | 'pxe' | 'disk' | 'safe' | 'cdrom' | 'bios' | 'floppy';
  readonly persistent: boolean;
  readonly uefi?: boolean;
  /** With `pxe`, of UEFI firmware: HTTP boot from this URL, or '' = from the one that DHCP tells. IPMI knows nothing of it. */
  readonly httpUri?: string;
};

/** Table 28-14, parameter 3: without a chassis command within 60 s of the request, it is dropped. */
export const expiryMilliseconds = 60_000;

export class BootOverride {
  readonly #now: () => number;
  #request: BootOverrideRequest | undefined;
  #validUntil = Number.POSITIVE_INFINITY;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** What holds now; undefined = the firmware's own order. */
  get(): BootOverrideRequest | undefined {
    if (this.#now() >= this.#validUntil) this.clear();
    return this.#request;
  }

  /** @param options `expires` false: holds until it is consumed, however late the next boot comes. Default true. */
  set(request: BootOverrideRequest, { expires = true }: { expires?: boolean } = {}): void {
    this.#request = request;
    this.#validUntil = Number.POSITIVE_INFINITY;
    if (expires) this.#validUntil = this.#now() + expiryMilliseconds;
  }

  clear(): void {
    this.#request = undefined;
    this.#validUntil = Number.POSITIVE_INFINITY;
  }

  /** A chassis command came: the 60 seconds begin anew. */
  restartCountdown(): void {
    if (this.get() && Number.isFinite(this.#validUntil)) this.#validUntil = this.#now() + expiryMilliseconds;
  }

  /** For the machine at each start of its firmware: what to boot from. A request for one boot is used up by this. */
  takeForBoot(): BootOverrideRequest | undefined {
    const request = this.get();
    if (!request) return undefined;
    if (request.persistent) this.#validUntil = Number.POSITIVE_INFINITY;
    else this.clear();
    return request;
  }
}
