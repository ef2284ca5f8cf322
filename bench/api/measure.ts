/** Enrols nodes and measures each request at each number of them. */
import type { Method, Target } from './target.ts';

/** Milliseconds; `cpu`: processor time of the server, undefined if its processes are not known. */
export type Timing = { title: string; cpu: number | undefined; p50: number; p99: number };
/** `nodes`: how many there are. */
export type SizeFindings = {
  nodes: number;
  timings: Timing[];
  /** Of those that were added to reach this size. */
  enrolled: { count: number; perSecond: number; cpu: number | undefined };
  /** Bytes, after all of these. */
  pss: number | undefined;
};

type Call = { title: string; repeats: number; send: (round: number) => readonly [Method, string, unknown?] };

const calls = (uuids: readonly string[]): readonly Call[] => {
  const uuid = (round: number) => uuids[(round * 37) % uuids.length];
  return [
    { title: 'list', repeats: 20, send: () => ['GET', '/nodes'] },
    { title: 'list with detail', repeats: 10, send: () => ['GET', '/nodes/detail'] },
    { title: 'GET of a node', repeats: 500, send: (round) => ['GET', `/nodes/${uuid(round)}`] },
    {
      title: 'PATCH of a node',
      repeats: 200,
      send: (round) => ['PATCH', `/nodes/${uuid(round)}`, [{ op: 'add', path: '/extra/round', value: round }]],
    },
  ];
};

/** Requests of an enrolment in flight at once. */
const enrolmentWidth = 8;
/** Part of the repeats that comes first and does not count: it compiles everything and opens connections. */
const warmUp = 0.2;

export type MeasureOptions = { sizes: readonly number[]; announce: (line: string) => void; signal: AbortSignal };

export class ApiBench {
  readonly #target: Target;
  readonly #options: MeasureOptions;
  readonly #uuids: string[] = [];
  readonly #run = Date.now().toString(36);

  constructor(target: Target, options: MeasureOptions) {
    this.#target = target;
    this.#options = options;
  }

  async measure(): Promise<SizeFindings[]> {
    const findings: SizeFindings[] = [];
    for (const nodes of this.#options.sizes) {
      this.#report(`enrolling nodes until there are ${nodes}`);
      const enrolled = await this.#enrol(nodes - this.#uuids.length);
      this.#report(`requests with ${nodes} nodes`);
      const timings: Timing[] = [];
      for (const call of calls(this.#uuids)) timings.push(await this.#time(call));
      findings.push({ nodes, timings, enrolled, pss: this.#target.pss() });
    }
    return findings;
  }

  /** Removes what was enrolled: a peer is left as it was found. */
  async clear(): Promise<void> {
    this.#report(`removing ${this.#uuids.length} nodes`);
    await this.#inParallel(this.#uuids.splice(0), (uuid) => this.#target.ask('DELETE', `/nodes/${uuid}`));
  }

  async #enrol(count: number): Promise<SizeFindings['enrolled']> {
    const first = this.#uuids.length;
    const began = this.#now();
    await this.#inParallel(
      Array.from({ length: count }, (_, index) => first + index),
      async (index) => {
        const { body } = await this.#target.ask('POST', '/nodes', nodeOf(`bench-${this.#run}-${index}`));
        this.#uuids.push(JSON.parse(body).uuid);
      },
    );
    const { cpu, wall } = this.#since(began);
    return { count, perSecond: (count * 1000) / wall, cpu: cpu && cpu / count };
  }

  async #time({ title, repeats, send }: Call): Promise<Timing> {
    for (let round = 0; round < repeats * warmUp; round++) await this.#target.ask(...send(round));
    const walls: number[] = [];
    const began = this.#now();
    for (let round = 0; round < repeats; round++) {
      this.#options.signal.throwIfAborted();
      const at = performance.now();
      await this.#target.ask(...send(round));
      walls.push(performance.now() - at);
    }
    const { cpu } = this.#since(began);
    return { title, cpu: cpu && cpu / repeats, p50: percentile(walls, 0.5), p99: percentile(walls, 0.99) };
  }

  async #inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
    const queue = items.values();
    const take = async () => {
      for (const item of queue) {
        this.#options.signal.throwIfAborted();
        await work(item);
      }
    };
    await Promise.all(Array.from({ length: enrolmentWidth }, take));
  }

  #now() {
    return { at: performance.now(), cpu: this.#target.cpuSeconds() };
  }

  #since(began: { at: number; cpu: number | undefined }) {
    const now = this.#now();
    const cpu = now.cpu === undefined || began.cpu === undefined ? undefined : (now.cpu - began.cpu) * 1000;
    return { wall: now.at - began.at, cpu };
  }

  #report(line: string): void {
    this.#options.announce(`${this.#target.name}: ${line}`);
  }
}

/** What an operator of real machines enrols, on hardware that both sides have. */
function nodeOf(name: string) {
  return {
    driver: 'fake-hardware',
    name,
    resource_class: 'bench',
    properties: { cpus: 32, memory_mb: 131_072, local_gb: 960, cpu_arch: 'x86_64', capabilities: 'boot_mode:uefi' },
    extra: { rack: 'r1', height: 7 },
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
}
