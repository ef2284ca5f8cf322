/**
 * The JSON of `driver_info` and `instance_info` with their secrets masked, kept by the column's stored text: a changed
 * value has another text, and neither a secret nor an outdated value is ever found here.
 */
import type { DriverCatalog } from '#services/baremetal/driver-catalog.ts';
import { declaredSecrets, withoutSecrets } from '#services/baremetal/secrets.ts';
import type { Store } from '#store/store.ts';

type Column = 'driver_info' | 'instance_info';

/** Characters of all keys and texts; ten thousand nodes have about half as many. */
const keptMax = 12 * 1024 * 1024;
/** Longer texts are rare, and would displace those of many nodes. */
const longestKept = 16 * 1024;

export class MaskedTexts {
  readonly #store: Pick<Store, 'nodes'>;
  readonly #secrets: ReadonlySet<string>;
  readonly #kept = new Map<string, string>();
  readonly #most: number;
  #size = 0;

  constructor({ store, drivers, most = keptMax }: { store: Pick<Store, 'nodes'>; drivers: DriverCatalog; most?: number }) {
    this.#store = store;
    this.#secrets = declaredSecrets(drivers);
    this.#most = most;
  }

  /** @param stored the text of the column, which is encrypted for `driver_info` */
  textOf(column: Column, stored: string): string {
    if (stored === '{}') return stored;
    const known = this.#kept.get(stored);
    if (known !== undefined) return known;
    const value = this.#store.nodes.open(column, stored);
    const text = JSON.stringify(withoutSecrets(value, this.#secrets));
    this.#keep(stored, text);
    return text;
  }

  #keep(stored: string, text: string): void {
    const size = stored.length + text.length;
    if (size > longestKept) return;
    this.#kept.set(stored, text);
    this.#size += size;
    for (const [oldest, former] of this.#kept) {
      if (this.#size <= this.#most) break;
      this.#kept.delete(oldest);
      this.#size -= oldest.length + former.length;
    }
  }
}
