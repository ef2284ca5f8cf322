/** Nodes: machines, as in Ironic. */
import { setImmediate } from 'node:timers/promises';
import { type SelectQueryBuilder, sql } from 'kysely';
import type { FoundHardware } from '#domain/found-hardware.ts';
import { interfaceKinds, type NodeInterfaces } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import { type NodeFlags, type NodeTexts, nodeFlags } from '#domain/node-fields.ts';
import { resourceName, sizeOf } from '#domain/placement.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { ProvisionState } from '#domain/provision-states.ts';
import type { CurrentRaid, RaidConfig } from '#domain/raid.ts';
import { type CandidateNeeds, candidateRules, type Reasons } from '../candidate-rules.ts';
import { Collection, type StoredRow } from '../collection.ts';
import { contains } from '../contains.ts';
import { isAfter, sortedBy } from '../keyset.ts';
import { type NodeListRequest, nodeConditions } from '../node-filters.ts';
import type { Where } from '../query-parts.ts';

export type Node = NodeInterfaces &
  NodeTexts &
  NodeFlags & {
    /** Small integer: the id of the classic `os-baremetal-nodes` API and the `i` of the deploy helper. */
    id: number;
    uuid: string;
    /** Hardware type, e.g. `ipmi` or `fake-hardware`. */
    driver: string;
    driver_info: JsonObject;
    /** Raised by each change of the driver, its settings and its interfaces: by what leads to the machine. */
    revision: number;
    /** `cpus`, `memory_mb`, `local_gb`, `cpu_arch`, `capabilities` ("k:v,k:v"). */
    properties: JsonObject;
    extra: JsonObject;
    instance_info: JsonObject;
    traits: string[];
    /** The RAID volumes that the machine has, with the time of the last change; {} = none, or not known. */
    raid_config: RecordedRaid | EmptyObject;
    /** Those that `raid.create_configuration` makes; {} = none. */
    target_raid_config: RaidConfig | EmptyObject;
    provision_state: ProvisionState;
    target_provision_state: ProvisionState | null;
    power_state: PowerState | null;
    target_power_state: PowerState | null;
    maintenance: boolean;
    maintenance_reason: string | null;
    /** Ironic's `fault` of a node that is out of service: `power failure`, `clean failure`. */
    fault: string | null;
    last_error: string | null;
    /** UUID of the server on the node, or of the allocation that holds it. */
    instance_uuid: string | null;
    /** UUID of the allocation that holds the node. */
    allocation_uuid: string | null;
    /** The running operation that holds the node; null: free. This is the only lock. */
    operation_id: string | null;
    /** Deploy failures in a row; the scheduler prefers nodes without any. */
    failures: number;
    /** The node has had a server since its last cleaning: only cleaning makes it available again. */
    must_clean: boolean;
    /** The serial console is enabled: kept open, recorded and accepting input. */
    console_enabled: boolean;
    /** Firmware boot mode as last reported by the BMC; null: unknown. */
    boot_mode: 'bios' | 'uefi' | null;
    /** Whether Secure Boot is on, as last reported by the BMC; null: unknown. */
    secure_boot: boolean | null;
    /** Of the hardware, as last reported by the BMC: `OK`, `Warning`, `Critical`; null: unknown. */
    health: string | null;
    /** UUID of the machine, as reported by the BMC at verification; null: unknown. */
    system_uuid: string | null;
    /** The hardware as last reported by the agent. */
    inventory: JsonObject | null;
    /** The hardware as its BMC reported it, if that was the last inspection. */
    found_hardware: FoundHardware | null;
    /** What inspection rules made of the data of the last inspection; null: nothing. */
    plugin_data: JsonObject | null;
    inspection_started_at: string | null;
    inspection_finished_at: string | null;
    /** The system UUID of the inventory, normalized for both byte orders; null: not usable. */
    machine_uuid: string | null;
    machine_serial: string | null;
    /** The disks present at the last cleaning and those seen since: the next cleaning must find all of them. */
    known_disks: KnownDisk[] | null;
    /** The lessee that the deployment has set (operations/automatic-lessee.ts); null: it has set none. */
    automatic_lessee: string | null;
    created_at: string;
    updated_at: string;
    provision_updated_at: string | null;
  };

type EmptyObject = { readonly [name: string]: never };
export type RecordedRaid = CurrentRaid & { readonly last_updated: string };
export type KnownDisk = { device: string; size_bytes: number; model: string; serial: string };

/** Sizes for choosing a node, in separate columns, because JSON has no index. */
type NodeColumns = Node & {
  /** null: not in the node's properties. */
  size_cpus: number | null;
  size_memory_mb: number | null;
  size_local_gb: number | null;
  resource_name: string;
};

export type NodePage = { after?: Node | undefined; limit?: number };

const candidateColumns = [
  ...(['id', 'uuid', 'name', 'driver', 'deploy_interface', 'properties'] as const),
  ...(['bios_interface', 'firmware_interface', 'management_interface', 'raid_interface'] as const),
  ...(['disable_power_off', 'must_clean'] as const),
] as const;
/** Columns for checks that need code; with ten thousand nodes nothing else should be read. */
export type Candidate = Pick<Node, (typeof candidateColumns)[number]>;

const hypervisorColumns = [
  ...(['id', 'uuid', 'name', 'maintenance', 'maintenance_reason', 'properties', 'instance_uuid', 'operation_id'] as const),
] as const;
export type HypervisorRow = Pick<Node, (typeof hypervisorColumns)[number]>;
export type HypervisorSums = { count: number; workload: number } & Record<'all' | 'used', Sizes>;
type Sizes = { nodes: number; cpus: number; memory_mb: number; local_gb: number };

/** A page of a thousand would block all other requests for a tenth of a second. */
const nodesAtOnce = 50;
/** Rows as stored take less time. */
const storedAtOnce = 100;

/** Of candidates, usually one of the first few is chosen; for rare properties a few large pages are cheaper. */
const firstPage = 20;
const pageGrowth = 10;

function leadsToMachine(column: string): boolean {
  return (
    column === 'driver' ||
    column === 'driver_info' ||
    (interfaceKinds as readonly string[]).some((kind) => column === `${kind}_interface`)
  );
}

/** A row as stored. Only the columns that were read are there. */
export type StoredNode = StoredRow<Node>;
type NodeColumnNames = readonly (keyof Node)[];

/**
 * Lists of nodes have SQL of their own rather than that of `store/list.ts`: they read stored rows without decoding them,
 * in the columns that the fields of a request need, so that a page of a thousand does not block other requests for long.
 */
export class Nodes extends Collection<Node, { nodes: NodeColumns }> {
  static override readonly table = {
    name: 'nodes',
    keptBy: 'uuid',
    json: [
      'driver_info',
      'properties',
      'extra',
      'instance_info',
      'traits',
      'inventory',
      'found_hardware',
      'plugin_data',
      'known_disks',
      'raid_config',
      'target_raid_config',
    ],
    sealed: ['driver_info'],
    boolean: ['maintenance', 'must_clean', 'console_enabled', 'secure_boot', ...nodeFlags],
    derived: {
      size_cpus: { from: 'properties', derive: ({ cpus }: JsonObject) => sizeOf(cpus) },
      size_memory_mb: { from: 'properties', derive: ({ memory_mb }: JsonObject) => sizeOf(memory_mb) },
      size_local_gb: { from: 'properties', derive: ({ local_gb }: JsonObject) => sizeOf(local_gb) },
      resource_name: { from: 'resource_class', derive: resourceName },
    },
  };

  override update(where: Where<Node>, patch: Partial<Node>): Promise<number> {
    const raised = sql<number>`revision + 1` as unknown as number;
    return super.update(where, Object.keys(patch).some(leadsToMachine) ? { ...patch, revision: raised } : patch);
  }

  /** Ids of the matching nodes in order: all, or one page. The cost depends on the page, not on ten thousand nodes. */
  async listIds(request: NodeListRequest, page: NodePage = {}): Promise<{ uuid: string }[]> {
    return this.#matching(request, page).select('uuid').execute();
  }

  /** One page of the matching nodes in order, for a few short columns. */
  async listStored({ columns, ...request }: NodeListRequest & { columns: NodeColumnNames }, page: NodePage) {
    return (await this.#matching(request, page).select(columns).execute()) as object[] as StoredNode[];
  }

  #matching({ filters, sortBy, descending }: NodeListRequest, { after, limit }: NodePage): NodeQuery {
    const byId = !sortBy || sortBy === 'id';
    const order = byId ? [{ column: 'id', descending }] : [{ column: sortBy, descending }, { column: 'id' }];
    let query: NodeQuery = nodeConditions(filters, this.dialect).reduce(
      (some, condition) => some.where(condition),
      this.db.selectFrom('nodes'),
    );
    if (after) query = query.where(isAfter(order, after));
    query = sortedBy(query, order);
    return limit === undefined ? query : query.limit(limit);
  }

  /** In the order of `page`, in batches; yields to other requests between them. */
  read(page: readonly { uuid: string }[]): AsyncGenerator<Node[]> {
    return readBatches(page, { size: nodesAtOnce, read: (uuid) => this.list({ uuid }) });
  }

  /** Like `read`, but these columns as stored; `uuid` must be one of them. */
  readStored(page: readonly { uuid: string }[], columns: NodeColumnNames): AsyncGenerator<StoredNode[]> {
    const read: Read<StoredNode> = (uuid) => this.stored(columns, { uuid }) as Promise<StoredNode[]>;
    return readBatches(page, { size: storedAtOnce, read });
  }

  /** The value of a stored text. */
  open(column: 'driver_info' | 'instance_info', stored: string): JsonObject {
    return this.decode({ [column]: stored })[column];
  }

  /** Largest first; `name` is null for nodes without a shard. */
  async countShards(): Promise<{ name: string | null; count: number }[]> {
    const count = sql<number>`count(*)`;
    const query = this.db
      .selectFrom('nodes')
      .select(['shard as name', count.as('count')])
      .groupBy('shard');
    return sortedBy(query.orderBy(count, 'desc'), [{ column: 'shard' }]).execute();
  }

  /** One page as Nova hypervisors, in order of enrolment, of short columns alone: a node's inventory is large. @param pattern substring of the UUID or name; empty: all */
  async listHypervisors(
    pattern: string,
    { after, limit }: { after?: Pick<Node, 'id'> | undefined; limit?: number } = {},
  ): Promise<HypervisorRow[]> {
    let query = this.db.selectFrom('nodes').select(hypervisorColumns).orderBy('id');
    if (pattern !== '') query = query.where((where) => where.or([contains('uuid', pattern), contains('name', pattern)]));
    if (after) query = query.where(isAfter([{ column: 'id' }], after));
    if (limit !== undefined) query = query.limit(limit);
    return (await query.execute()).map((row) => this.decode(row));
  }

  /** Totals of all nodes, and of those in use by servers. */
  async sumHypervisors(): Promise<HypervisorSums> {
    const sums = await this.db
      .selectFrom('nodes')
      .select(({ fn }) => [
        sql<number>`instance_uuid IS NOT NULL`.as('is_used'),
        fn.countAll<number>().as('nodes'),
        fn.count<number>('operation_id').as('workload'),
        sql<number>`COALESCE(SUM(size_cpus), 0)`.as('cpus'),
        sql<number>`COALESCE(SUM(size_memory_mb), 0)`.as('memory_mb'),
        sql<number>`COALESCE(SUM(size_local_gb), 0)`.as('local_gb'),
      ])
      .groupBy('is_used')
      .execute();
    const add = (name: 'workload' | keyof Sizes, isOnlyUsed: boolean) =>
      sums.filter(({ is_used }) => is_used || !isOnlyUsed).reduce((sum, row) => sum + Number(row[name]), 0);
    const sizes = (isOnlyUsed: boolean) => ({
      nodes: add('nodes', isOnlyUsed),
      cpus: add('cpus', isOnlyUsed),
      memory_mb: add('memory_mb', isOnlyUsed),
      local_gb: add('local_gb', isOnlyUsed),
    });
    return { count: add('nodes', false), workload: add('workload', false), all: sizes(false), used: sizes(true) };
  }

  /**
   * Candidates for a server, best first: fewest recent failures, then the smallest, so that large machines stay free.
   * Must run in a transaction.
   */
  async *candidates(needs: CandidateNeeds): AsyncGenerator<Candidate> {
    const rules = candidateRules(needs);
    const order = ['failures', 'size_memory_mb', 'size_cpus', 'size_local_gb', 'id'].map((column) => ({ column }));
    const matching = rules.reduce<NodeQuery>((some, { holds }) => some.where(holds), this.db.selectFrom('nodes'));
    const query = sortedBy(matching.select(candidateColumns), order);
    for (let offset = 0, size = firstPage; ; offset += size, size *= pageGrowth) {
      const rows = await query.limit(size).offset(offset).execute();
      for (const row of rows) yield this.decode(row);
      if (rows.length < size) return;
    }
  }

  /** Reads every node. Those that `candidates` returns have no reason here and are not counted. */
  async countReasons(needs: CandidateNeeds): Promise<Reasons> {
    const cases = candidateRules(needs).map(({ holds, reason }) => sql`WHEN NOT (${holds}) THEN ${reason}`);
    const cause = sql<string | null>`CASE ${sql.join(cases, sql` `)} END`;
    const { rows } = await sql<{ cause: string | null; count: number }>`
      SELECT cause, COUNT(*) AS count FROM (SELECT id, ${cause} AS cause FROM nodes) AS causes
      WHERE cause IS NOT NULL GROUP BY cause ORDER BY MIN(id)`.execute(this.db);
    return Object.fromEntries(rows.map(({ cause, count }) => [cause, Number(count)]));
  }
}

type NodeQuery = SelectQueryBuilder<{ nodes: NodeColumns }, 'nodes', object>;

type Read<R> = (uuids: readonly string[]) => Promise<R[]>;

async function* readBatches<R extends { uuid: unknown }>(
  page: readonly { uuid: string }[],
  { size, read }: { size: number; read: Read<R> },
): AsyncGenerator<R[]> {
  for (let start = 0; start < page.length; start += size) {
    const uuids = page.slice(start, start + size).map(({ uuid }) => uuid);
    const rows = new Map((await read(uuids)).map((row) => [row.uuid, row]));
    yield uuids.flatMap((uuid) => rows.get(uuid) ?? []);
    await setImmediate();
  }
}
