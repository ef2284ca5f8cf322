/** Hypervisors: every node is one that holds at most one server. */
import { setImmediate } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import type { HypervisorRow, HypervisorSums, Node } from '#store/tables/nodes.ts';
import { type Page, readPage } from '../pages.ts';
import type { ComputeContext } from './context.ts';

type Nodes = Pick<ComputeContext, 'store'>;

export type HypervisorList = {
  /** Part of the name. */
  readonly pattern: string;
  /** Whether ids, and so markers, are UUIDs; else numbers. */
  readonly byUuid: boolean;
  readonly limit?: number | undefined;
  readonly marker?: string | undefined;
};

export function readHypervisors(
  { store }: Nodes,
  { pattern, byUuid, limit, marker }: HypervisorList,
): Promise<Page<HypervisorRow>> {
  return readPage<HypervisorRow, Node>(
    {
      find: (id) => store.nodes.find(byUuid ? { uuid: id } : { id: Number(id) || 0 }),
      list: (page) => store.nodes.listHypervisors(pattern, page),
    },
    { limit, marker, idOf: ({ uuid, id }) => (byUuid ? uuid : String(id)), unknownMarker: (id) => `marker [${id}] not found` },
  );
}

/** Read at once; other requests are answered in between. */
const searchedAtOnce = 200;

/** All of them: Nova's search has no pages. Throws `notFound` if no name has this part. */
export async function searchHypervisors({ store }: Nodes, pattern: string): Promise<HypervisorRow[]> {
  const nodes: HypervisorRow[] = [];
  for (let some: HypervisorRow[] | undefined; some === undefined || some.length === searchedAtOnce; await setImmediate()) {
    some = await store.nodes.listHypervisors(pattern, { after: nodes.at(-1), limit: searchedAtOnce });
    nodes.push(...some);
  }
  if (nodes.length === 0) throw new Fault('notFound', { what: 'Hypervisor', id: pattern });
  return nodes;
}

/** @param id a number or a UUID */
export async function findHypervisor({ store }: Nodes, id: string): Promise<Node> {
  const node = await store.nodes.find(/^\d+$/.test(id) ? { id: Number(id) } : { uuid: id });
  if (!node) throw new Fault('notFound', { what: 'Hypervisor', id });
  return node;
}

/** Ids of the servers on these nodes: an instance of Ironic's API and an allocation have a UUID, but are no servers. */
export async function serversOn({ store }: Nodes, nodes: readonly HypervisorRow[]): Promise<ReadonlySet<string>> {
  const ids = nodes.flatMap(({ instance_uuid }) => instance_uuid ?? []);
  const servers = ids.length ? await store.servers.pick(['id', 'node_uuid'], { id: ids }) : [];
  const places = new Map(servers.map(({ id, node_uuid }) => [id, node_uuid]));
  return new Set(nodes.flatMap(({ uuid, instance_uuid: id }) => (id !== null && places.get(id) === uuid ? id : [])));
}

/** A machine is either entirely used or free. */
export function amountsOf(node: HypervisorRow) {
  const amount = (property: string) => Number(node.properties[property] ?? 0) || 0;
  const isUsed = node.instance_uuid !== null;
  const [vcpus, memory_mb, local_gb] = [amount('cpus'), amount('memory_mb'), amount('local_gb')];
  return {
    vcpus,
    memory_mb,
    local_gb,
    vcpus_used: isUsed ? vcpus : 0,
    memory_mb_used: isUsed ? memory_mb : 0,
    local_gb_used: isUsed ? local_gb : 0,
    free_ram_mb: isUsed ? 0 : memory_mb,
    free_disk_gb: isUsed ? 0 : local_gb,
    disk_available_least: isUsed ? 0 : local_gb,
    running_vms: isUsed ? 1 : 0,
    current_workload: node.operation_id === null ? 0 : 1,
  };
}

/** The sums of all hypervisors. */
export async function hypervisorStatistics({ store }: Nodes): Promise<Record<string, number>> {
  return statisticsOf(await store.nodes.sumHypervisors());
}

function statisticsOf({ count, workload, all, used }: HypervisorSums): Record<string, number> {
  const free_disk_gb = all.local_gb - used.local_gb;
  return {
    ...{ count, vcpus: all.cpus, memory_mb: all.memory_mb, local_gb: all.local_gb },
    ...{ vcpus_used: used.cpus, memory_mb_used: used.memory_mb, local_gb_used: used.local_gb },
    ...{ free_ram_mb: all.memory_mb - used.memory_mb, free_disk_gb, disk_available_least: free_disk_gb },
    ...{ running_vms: used.nodes, current_workload: workload },
  };
}
