/** A DNS cache with expiry and limited size. */
import { lookup } from 'node:dns/promises';
import { isIP, SocketAddress } from 'node:net';

export type HostAddress = { readonly address: string; readonly family: 4 | 6 };

export type HostNamesOptions = {
  readonly entries?: number;
  readonly rememberMs?: number;
  /** For tests; default: the system's resolver. */
  readonly resolve?: (name: string) => Promise<HostAddress>;
};

type Entry = { readonly answer: Promise<HostAddress>; readonly until: number };

/** The system's resolver does not cache, and has four threads per process: lookups per packet would starve others. */
export class HostNames {
  readonly #entries: number;
  readonly #rememberMs: number;
  readonly #resolve: (name: string) => Promise<HostAddress>;
  readonly #known = new Map<string, Entry>();

  constructor({ entries = 16_384, rememberMs = 60_000, resolve = resolveBySystem }: HostNamesOptions = {}) {
    this.#entries = entries;
    this.#rememberMs = rememberMs;
    this.#resolve = resolve;
  }

  /** Returns an address unchanged. Rejects for an unknown name; failures are not cached. */
  find(name: string): HostAddress | Promise<HostAddress> {
    const family = isIP(name);
    if (family !== 0) return { address: canonical(name, family as 4 | 6), family: family as 4 | 6 };
    const known = this.#known.get(name);
    if (known && known.until > performance.now()) return known.answer;
    return this.#ask(name);
  }

  #ask(name: string): Promise<HostAddress> {
    this.#known.delete(name);
    if (this.#known.size >= this.#entries) this.#forgetOldest();
    const answer = this.#resolve(name).then(({ address, family }) => ({ address: canonical(address, family), family }));
    const entry = { answer, until: performance.now() + this.#rememberMs };
    this.#known.set(name, entry);
    answer.catch(() => {
      if (this.#known.get(name) === entry) this.#known.delete(name);
    });
    return answer;
  }

  #forgetOldest(): void {
    for (const name of this.#known.keys()) {
      this.#known.delete(name);
      return;
    }
  }
}

async function resolveBySystem(name: string): Promise<HostAddress> {
  const { address, family } = await lookup(name);
  return { address, family: family as 4 | 6 };
}

/** Normalized as a socket reports the sender of a packet. Keeps an IPv6 zone (`%eth0`). */
function canonical(address: string, family: 4 | 6): string {
  if (family === 4) return address;
  const [bare = address, ...zone] = address.split('%');
  return [new SocketAddress({ address: bare, family: 'ipv6' }).address, ...zone].join('%');
}
