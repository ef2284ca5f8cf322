import { randomFillSync } from 'node:crypto';

/** Bytes of an initialization vector of AES-CBC-128, IPMI 2.0 rev 1.1 section 13.29. */
const ivLength = 16;
const ivsAtOnce = 8;

/** Random IVs, generated several at a time: one call for each would cost as much as the encryption of a packet. */
export class IvPool {
  /** Unzeroed memory is shared with other small buffers: ten thousand sessions have a pool each. */
  readonly #bytes = Buffer.allocUnsafe(ivsAtOnce * ivLength);
  #used = this.#bytes.length;

  /** Valid until the next call. */
  next(): Uint8Array {
    if (this.#used === this.#bytes.length) {
      randomFillSync(this.#bytes);
      this.#used = 0;
    }
    this.#used += ivLength;
    return this.#bytes.subarray(this.#used - ivLength, this.#used);
  }
}
