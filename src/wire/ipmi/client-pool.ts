import { createHash } from 'node:crypto';
import type { Datagrams } from '../udp/datagrams.ts';
import { type IpmiClient, type IpmiClientOptions, openIpmiClient } from './client.ts';
import type { Timings } from './timings.ts';

export type IpmiClientPool = {
  /** The one client for this BMC. Other credentials than last time replace it. */
  client(options: IpmiClientOptions): IpmiClient;
  close(): Promise<void>;
};

/** One client, thus one session and one queue, per address and port. */
export function createIpmiClientPool(datagrams: Datagrams, timings?: Timings): IpmiClientPool {
  const clients = new Map<string, { client: IpmiClient; fingerprint: string }>();
  return {
    client(options) {
      const key = `${options.address} ${options.port}`;
      const fingerprint = fingerprintOf(options);
      const known = clients.get(key);
      if (known?.fingerprint === fingerprint) return known.client;
      void known?.client.close();
      const client = openIpmiClient(options, datagrams, timings);
      clients.set(key, { client, fingerprint });
      return client;
    },
    async close() {
      const open = [...clients.values()];
      clients.clear();
      await Promise.all(open.map(({ client }) => client.close()));
    },
  };
}

/** Tells two sets of credentials apart without keeping a second copy of the password. */
function fingerprintOf({ user, password, privilege, cipherSuite, bmcKey }: IpmiClientOptions): string {
  const key = bmcKey && Buffer.from(bmcKey).toString('hex');
  return createHash('sha256')
    .update(JSON.stringify([user, password, privilege, cipherSuite, key]))
    .digest('hex');
}
