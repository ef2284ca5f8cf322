/** Finds the machine of a node on its hypervisor by MAC, in a cached list of all machines. */
import { Fault } from '#domain/faults.ts';
import type { NodeFacts } from '../interfaces.ts';
import type { Host } from './ask-host.ts';
import { type Machine, plainMac } from './hypervisors.ts';

/** Cache lifetime: a MAC may move to another machine, but rarely does. */
const keptMs = 600_000;
/** Minimum interval between searches for a machine that was not found. */
const renewMs = 10_000;
/** Machines per command line, which limits its length to some kB. */
const describedAtOnce = 50;
const listsMax = 100;

type List = { readonly at: number; readonly machines: readonly Machine[] };

export class Machines {
  readonly #now: () => number;
  readonly #lists = new Map<string, Promise<List>>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Throws `driverInfo` if no machine, or more than one, has a MAC of the node. */
  async find(host: Host, node: NodeFacts): Promise<Machine> {
    const found = choose(host, node, (await this.#list(host, keptMs)).machines);
    if (found) return found;
    const again = choose(host, node, (await this.#list(host, renewMs)).machines);
    if (again) return again;
    const macs = node.ports.map(({ address }) => address).join(', ');
    const detail = `on the hypervisor host ${host.address}, no machine has the MAC address ${macs}`;
    throw new Fault('driverInfo', { node: node.name ?? node.uuid, detail });
  }

  forget(host: Host): void {
    this.#lists.delete(host.key);
  }

  /** Concurrent callers share one read, which no caller's signal aborts. */
  async #list(host: Host, maxAge: number): Promise<List> {
    const known = this.#lists.get(host.key);
    if (known) {
      const list = await known;
      if (this.#now() - list.at < maxAge) return list;
      // Another caller may have started a refresh.
      const newer = this.#lists.get(host.key);
      if (newer && newer !== known) return newer;
    }
    const reading = readMachines(host).then((machines): List => ({ at: this.#now(), machines }));
    if (this.#lists.size >= listsMax) this.#lists.clear();
    this.#lists.set(host.key, reading);
    reading.catch(() => {
      if (this.#lists.get(host.key) === reading) this.#lists.delete(host.key);
    });
    return reading;
  }
}

async function readMachines(host: Host): Promise<Machine[]> {
  const { hypervisor } = host;
  const uuids = hypervisor.readUuids(await host.ask([hypervisor.list]));
  const machines: Machine[] = [];
  for (let at = 0; at < uuids.length; at += describedAtOnce) {
    const calls = uuids.slice(at, at + describedAtOnce).map((uuid) => hypervisor.describe(uuid));
    // A machine may be deleted meanwhile, so the last call, whose status counts, is one that always succeeds.
    machines.push(...hypervisor.readMachines(await host.ask([...calls, hypervisor.list])));
  }
  return machines;
}

function choose(host: Host, node: NodeFacts, machines: readonly Machine[]): Machine | undefined {
  const wanted = new Set(node.ports.map(({ address }) => plainMac(address)));
  const found = machines.filter(({ macs }) => macs.some((mac) => wanted.has(mac)));
  if (found.length <= 1) return found[0];
  const names = found.map(({ name }) => name).join(' and ');
  throw new Fault('driverInfo', {
    node: node.name ?? node.uuid,
    detail: `its port MAC addresses match several machines on ${host.address}: ${names}`,
  });
}
