/**
 * Console viewers that are owners of servers: their sessions end with the server, or they could watch the next owner of
 * the machine and type to it.
 */
import type { Duplex } from 'node:stream';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';

type Viewer = { readonly node: string; readonly server: string };

/**
 * Every change of a server appears in the event record; sessions are checked once per batch of events (milliseconds).
 */
const gatherMs = 200;

export class ConsoleSessions {
  readonly #store: Pick<Store, 'nodes' | 'servers' | 'events'>;
  readonly #sessions = new Map<Duplex, Viewer>();
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Pick<Store, 'nodes' | 'servers' | 'events'>) {
    this.#store = store;
    this.#unsubscribe = store.events.subscribe(() => this.#checkLater());
  }

  /** Throws `conflict`, and ends the viewer, if the machine does not (or no longer) belong to the server. */
  async admit(viewer: Duplex, session: Viewer): Promise<void> {
    this.#sessions.set(viewer, session);
    viewer.once('close', () => this.#sessions.delete(viewer));
    // The viewer is already listed, so a deletion that commits now is seen by this check or the next one.
    if ((await this.#allowed([session])).has(session)) return;
    viewer.destroy();
    throw new Fault('conflict', { detail: `Instance ${session.server} has no machine.` });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#unsubscribe();
  }

  #checkLater(): void {
    if (this.#sessions.size === 0 || this.#timer) return;
    this.#timer = setTimeout(() => void this.#check(), gatherMs);
    this.#timer.unref();
  }

  /** If the check fails (for example because the disk is full), access is denied. */
  async #check(): Promise<void> {
    this.#timer = undefined;
    const allowed = await this.#allowed([...this.#sessions.values()]).catch(() => new Set<Viewer>());
    for (const [viewer, session] of this.#sessions) if (!allowed.has(session)) viewer.destroy();
  }

  async #allowed(sessions: readonly Viewer[]): Promise<Set<Viewer>> {
    const servers = await this.#store.servers.pick(['id', 'node_uuid', 'vm_state', 'task_state'], {
      id: [...new Set(sessions.map(({ server }) => server))],
    });
    const nodes = await this.#store.nodes.pick(['uuid', 'instance_uuid'], {
      uuid: [...new Set(sessions.map(({ node }) => node))],
    });
    const isAllowed = ({ node, server }: Viewer) =>
      nodes.some(({ uuid, instance_uuid }) => uuid === node && instance_uuid === server) &&
      servers.some((row) => row.id === server && row.vm_state !== 'deleted' && row.task_state !== 'deleting');
    return new Set(sessions.filter(isAllowed));
  }
}
