/** Leads many nodes through their lifecycle at once, and measures the API meanwhile. */
import { pause } from '#async/timers.ts';
import type { Method, Target } from '../api/target.ts';

/** Milliseconds. */
export type Latency = { title: string; requests: number; p50: number; p99: number; most: number };
/** `cpu`: seconds of the server's processor time; undefined if its processes are not known. */
export type Stage = { title: string; seconds: number; cpu: number | undefined };
export type LifecycleFindings = { nodes: number; stages: Stage[]; latencies: Latency[] };

export type LifecycleOptions = {
  /** What `instance_info` describes. */
  instanceInfo: object;
  announce: (line: string) => void;
  signal: AbortSignal;
};

/** Requests in flight at once. */
const width = 16;
const pollMs = 50;
const probePauseMs = 10;

export class Lifecycle {
  readonly #target: Target;
  readonly #options: LifecycleOptions;
  readonly #nodes: number;
  #uuids: string[] = [];
  readonly #run = Date.now().toString(36);
  readonly #stages: Stage[] = [];

  constructor(target: Target, nodes: number, options: LifecycleOptions) {
    this.#target = target;
    this.#nodes = nodes;
    this.#options = options;
  }

  async measure(): Promise<LifecycleFindings> {
    await this.#stage('enrol', () => this.#enrol());
    const probe = this.#probe();
    const { instanceInfo } = this.#options;
    await this.#stage('enroll to active', async () => {
      await this.#all('manage', 'manageable');
      await this.#all('provide', 'available');
      const patch = [{ op: 'add', path: '/instance_info', value: instanceInfo }];
      await this.#each((uuid) => this.#target.ask('PATCH', `/nodes/${uuid}`, patch));
      await this.#all('active', 'active');
    });
    await this.#stage('active to available', () => this.#all('deleted', 'available'));
    const latencies = await probe.stop();
    await this.#stage('delete', () => this.#each((uuid) => this.#target.ask('DELETE', `/nodes/${uuid}`)));
    return { nodes: this.#nodes, stages: this.#stages, latencies };
  }

  async #enrol(): Promise<void> {
    this.#uuids = Array.from({ length: this.#nodes }, () => crypto.randomUUID());
    const properties = { cpus: 32, memory_mb: 131_072, local_gb: 960, cpu_arch: 'x86_64' };
    const node = { driver: 'fake-hardware', resource_class: 'bench', properties };
    await this.#each((uuid, index) => this.#target.ask('POST', '/nodes', { ...node, uuid, name: `life-${this.#run}-${index}` }));
  }

  async #stage(title: string, work: () => Promise<void>): Promise<void> {
    this.#options.announce(`${this.#target.name}, ${this.#nodes} nodes: ${title}`);
    const [at, cpu] = [performance.now(), this.#target.cpuSeconds()];
    await work();
    const now = this.#target.cpuSeconds();
    const seconds = (performance.now() - at) / 1000;
    this.#stages.push({ title, seconds, cpu: cpu === undefined || now === undefined ? undefined : now - cpu });
  }

  /** Sends the verb to every node, and waits until all are in the state. */
  async #all(target: string, state: string): Promise<void> {
    await this.#each((uuid) => this.#target.ask('PUT', `/nodes/${uuid}/states/provision`, { target }));
    for (;;) {
      const states = await this.#states();
      const failed = states.find((each) => each.endsWith('failed') || each === 'error');
      if (failed !== undefined) throw new Error(`${this.#target.name}: after ${target} a node is in state ${failed}`);
      if (states.every((each) => each === state)) return;
      this.#options.signal.throwIfAborted();
      await pause(pollMs);
    }
  }

  async #states(): Promise<string[]> {
    const { body } = await this.#target.ask('GET', `/nodes?fields=provision_state,uuid&resource_class=bench&limit=1000`);
    return (JSON.parse(body) as { nodes: { provision_state: string }[] }).nodes.map(({ provision_state }) => provision_state);
  }

  async #each(send: (uuid: string, index: number) => Promise<unknown>): Promise<void> {
    const queue = this.#uuids.entries();
    const take = async () => {
      for (const [index, uuid] of queue) {
        this.#options.signal.throwIfAborted();
        await send(uuid, index);
      }
    };
    await Promise.all(Array.from({ length: width }, take));
  }

  /** A user who reads nodes and lists meanwhile. */
  #probe(): { stop(): Promise<Latency[]> } {
    const calls: readonly { title: string; path: () => string; times: number[] }[] = [
      { title: 'GET of a node', path: () => `/nodes/${this.#uuids[0]}`, times: [] },
      { title: 'list of 100', path: () => '/nodes?limit=100', times: [] },
    ];
    let isOver = false;
    const run = async () => {
      while (!isOver) {
        for (const { path, times } of calls) times.push(await this.#time('GET', path()));
        await pause(probePauseMs);
      }
    };
    const running = run();
    running.catch(() => {});
    return {
      stop: async () => {
        isOver = true;
        await running;
        return calls.map(({ title, times }) => latencyOf(title, times));
      },
    };
  }

  async #time(method: Method, path: string): Promise<number> {
    const at = performance.now();
    await this.#target.ask(method, path);
    return performance.now() - at;
  }
}

function latencyOf(title: string, times: readonly number[]): Latency {
  const sorted = times.toSorted((left, right) => left - right);
  const share = (part: number) => sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? 0;
  return { title, requests: sorted.length, p50: share(0.5), p99: share(0.99), most: sorted.at(-1) ?? 0 };
}
