import { createHash } from 'node:crypto';
import { openRedfishClient, type RedfishLimits, type RedfishService } from './client.ts';
import type { RedfishPeer } from './redfish-client.ts';

export type RedfishClientPool = {
  /** The shared client of this service. It is replaced when credentials or trust settings change. */
  client(peer: RedfishPeer): RedfishService;
  /** All clients were closed for good, not only the one of a service whose credentials changed. */
  readonly isClosed: boolean;
  close(): Promise<void>;
};

/** One client per service, thus one session, one connection and one queue. */
export function createRedfishClientPool(limits?: Partial<RedfishLimits>): RedfishClientPool {
  return new ClientPool(limits);
}

class ClientPool implements RedfishClientPool {
  readonly #limits: Partial<RedfishLimits> | undefined;
  readonly #clients = new Map<string, { client: RedfishService; fingerprint: string }>();
  #isClosed = false;

  constructor(limits: Partial<RedfishLimits> | undefined) {
    this.#limits = limits;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  client(peer: RedfishPeer): RedfishService {
    const fingerprint = fingerprintOf(peer);
    const known = this.#clients.get(peer.url);
    if (known?.fingerprint === fingerprint) return known.client;
    void known?.client.close();
    const client = openRedfishClient(peer, this.#limits);
    this.#clients.set(peer.url, { client, fingerprint });
    return client;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const open = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(open.map(({ client }) => client.close()));
  }
}

/** Identifies a peer without keeping a second copy of the password. */
function fingerprintOf({ user, password, auth, trust, tls }: RedfishPeer): string {
  return createHash('sha256')
    .update(JSON.stringify([user, password, auth, trust, tls ?? null]))
    .digest('hex');
}
