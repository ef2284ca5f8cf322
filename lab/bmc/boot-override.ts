/** The boot device set through the BMC, as the machine's firmware consumes it. IPMI 2.0 rev 1.1 table 28-14. */

export type BootOverrideRequest = {
  readonly device: 'none' | 'pxe' | 'disk' | 'safe' | 'cdrom' | 'bios' | 'floppy';
  readonly persistent: boolean;
  readonly uefi?: boolean;
  /** With `pxe` on UEFI firmware: HTTP boot from this URL, or '' = from the URL in DHCP. IPMI has no equivalent. */
  readonly httpUri?: string;
};

/** Table 28-14, parameter 3: the request is dropped unless a chassis command follows within 60 s. */
export const expiryMilliseconds = 60_000;

export class BootOverride {
  readonly #now: () => number;
  #request: BootOverrideRequest | undefined;
  #validUntil = Number.POSITIVE_INFINITY;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The current override; undefined = the firmware's own order. */
  get(): BootOverrideRequest | undefined {
    if (this.#now() >= this.#validUntil) this.clear();
    return this.#request;
  }

  /** @param options `expires` false: valid until it is consumed, however late the next boot is. Default true. */
  set(request: BootOverrideRequest, { expires = true }: { expires?: boolean } = {}): void {
    this.#request = request;
    this.#validUntil = Number.POSITIVE_INFINITY;
    if (expires) this.#validUntil = this.#now() + expiryMilliseconds;
  }

  clear(): void {
    this.#request = undefined;
    this.#validUntil = Number.POSITIVE_INFINITY;
  }

  /** A chassis command arrived: restarts the 60 seconds. */
  restartCountdown(): void {
    if (this.get() && Number.isFinite(this.#validUntil)) this.#validUntil = this.#now() + expiryMilliseconds;
  }

  /** Called by the machine at each start of its firmware: what to boot from. Consumes a one-time request. */
  takeForBoot(): BootOverrideRequest | undefined {
    const request = this.get();
    if (!request) return undefined;
    if (request.persistent) this.#validUntil = Number.POSITIVE_INFINITY;
    else this.clear();
    return request;
  }
}
