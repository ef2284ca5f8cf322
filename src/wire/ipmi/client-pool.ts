import type { Datagrams } from '../udp/datagrams.ts';
import { createIpmiClient, type IpmiClient, type IpmiClientOptions, type IpmiNetwork } from './client.ts';
import { SessionBudget, type SessionStats } from './session-budget.ts';
import { defaultTimings, type Timings } from './timings.ts';

export type IpmiClientPool = {
  /** The only client for this BMC. New credentials replace it. */
  client(options: IpmiClientOptions): IpmiClient;
  /** All clients were closed for good, not only the one of a BMC whose credentials changed. */
  readonly isClosed: boolean;
  stats(): { readonly clients: number; readonly sessions: SessionStats };
  close(): Promise<void>;
};

export type IpmiPoolOptions = {
  readonly datagrams: Datagrams;
  readonly timings?: Timings;
  /** Maximum number of concurrent sessions, over all BMCs; 0 = one for each BMC. */
  readonly sessions?: number;
  /** Maximum number of cached clients (with what they learned about their BMCs); clients in use are never evicted. */
  readonly clients?: number;
};

type Known = { readonly client: IpmiClient; readonly options: IpmiClientOptions };

/** One client per address and port, and so one session and one queue. */
export function createIpmiClientPool(options: IpmiPoolOptions): IpmiClientPool {
  return new ClientPool(options);
}

class ClientPool implements IpmiClientPool {
  readonly #network: IpmiNetwork;
  readonly #most: number;
  readonly #known = new Map<string, Known>();
  #isClosed = false;

  constructor({ datagrams, timings = defaultTimings, sessions = 0, clients = 30_000 }: IpmiPoolOptions) {
    this.#network = { datagrams, timings, sessions: new SessionBudget(sessions, timings) };
    this.#most = clients;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  client(options: IpmiClientOptions): IpmiClient {
    const key = `${options.address} ${options.port}`;
    const before = this.#known.get(key);
    if (before && isSame(before.options, options)) return before.client;
    this.#known.delete(key);
    void before?.client.close();
    if (this.#known.size >= this.#most) forgetUnused(this.#known);
    const client = createIpmiClient(options, this.#network);
    this.#known.set(key, { client, options });
    return client;
  }

  stats() {
    return { clients: this.#known.size, sessions: this.#network.sessions.stats };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const open = [...this.#known.values()];
    this.#known.clear();
    this.#network.sessions.stop();
    await Promise.all(open.map(({ client }) => client.close()));
  }
}

/** Nodes come and go. Evicts a tenth of the unused clients; what they learned about their BMCs can be learned again. */
function forgetUnused(known: Map<string, Known>): void {
  let left = Math.ceil(known.size / 10);
  for (const [key, { client }] of known) {
    if (left === 0) return;
    if (client.isInUse) continue;
    known.delete(key);
    left -= 1;
  }
}

function isSame(one: IpmiClientOptions, other: IpmiClientOptions): boolean {
  const { user, password, privilege, cipherSuite, version } = one;
  return (
    user === other.user &&
    password === other.password &&
    privilege === other.privilege &&
    cipherSuite === other.cipherSuite &&
    version === other.version &&
    hexOf(one.bmcKey) === hexOf(other.bmcKey)
  );
}

function hexOf(key: Uint8Array | undefined): string | undefined {
  return key && Buffer.from(key).toString('hex');
}
