/** Nova's API with a token of Ingot's Keystone. */
import { CloudClient } from '#demo/cloud-client.ts';
import { novaPort } from './nova-config.ts';

/** 2.93 asks the driver to write boot volumes again at each rebuild, which Nova's Ironic driver refuses. */
const version = { 'openstack-api-version': 'compute 2.90' };

export type NovaServer = {
  readonly id: string;
  readonly status: string;
  readonly addresses: Readonly<Record<string, readonly { readonly addr: string }[]>>;
  readonly fault?: { readonly message: string };
  readonly 'OS-EXT-STS:task_state': string | null;
};

export class NovaClient {
  readonly #client: CloudClient;

  constructor({ token }: CloudClient) {
    this.#client = new CloudClient(`http://127.0.0.1:${novaPort}/v2.1`, token);
  }

  get<T>(path: string): Promise<T> {
    return this.#client.call<T>(path, { headers: version });
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#client.call<T>(path, { method: 'POST', body, headers: version });
  }

  async remove(path: string): Promise<void> {
    await this.#client.call(path, { method: 'DELETE', headers: version });
  }

  /** Undefined if there is none. */
  async server(id: string): Promise<NovaServer | undefined> {
    const { servers } = await this.get<{ servers: NovaServer[] }>('/servers/detail');
    return servers.find((server) => server.id === id);
  }

  /** Whether Nova knows the node as a free hypervisor, which it learns periodically. */
  async isFree(node: string): Promise<boolean> {
    type Hypervisor = { hypervisor_hostname: string; state: string; servers?: unknown[] };
    const { hypervisors } = await this.get<{ hypervisors: Hypervisor[] }>('/os-hypervisors/detail?with_servers=true');
    return hypervisors.some(
      ({ hypervisor_hostname, state, servers = [] }) => hypervisor_hostname === node && state === 'up' && servers.length === 0,
    );
  }
}
