/**
 * Which nodes are candidates for a server, as far as the database can decide: free, large enough, of the right kind. One
 * table of rules generates both the search, which reads a few rows by an index, and the count of reasons if nothing was
 * found.
 */
import { type RawBuilder, sql } from 'kysely';
import { contains } from './contains.ts';

export type CandidateNeeds = {
  /** UUID or name of the only acceptable node. */
  node?: string | undefined;
  /** UUIDs of nodes that are not acceptable. */
  except?: readonly string[] | undefined;
  /** UUIDs of nodes whose machines must not be switched, because firmware may be being written. */
  updating: readonly string[];
  /** 0: no requirement. */
  sizes: { readonly cpus: number; readonly memory_mb: number; readonly local_gb: number };
  /** In Placement's spelling. */
  resources: Readonly<Record<string, number>>;
  traits: readonly { name: string; required: boolean }[];
  nics: number;
  /** What an allocation requires beside that. */
  allocated?: AllocationNeeds;
};

export type AllocationNeeds = {
  /** As the node has it, not in Placement's spelling; null fits no node. */
  resource_class: string | null;
  /** Only nodes that this project owns or leases; null: any. */
  owner: string | null;
  /** UUIDs of the only acceptable nodes. */
  nodes?: readonly string[];
};

/** Number of nodes rejected per reason; each node counts once, for the first reason that applies. */
export type Reasons = Record<string, number>;

/** `holds` is never NULL if all earlier rules hold. */
export type CandidateRule = { holds: RawBuilder<boolean>; reason: RawBuilder<string> };

const rule = (holds: RawBuilder<boolean>, reason: string | RawBuilder<string>): CandidateRule => ({
  holds,
  reason: typeof reason === 'string' ? sql<string>`${reason}` : reason,
});

export function candidateRules(needs: CandidateNeeds): CandidateRule[] {
  const { node, except = [], updating } = needs;
  return [
    ...(node === undefined ? [] : [rule(sql`(uuid = ${node} OR COALESCE(name, '') = ${node})`, 'not the requested node')]),
    ...(except.length === 0 ? [] : [rule(sql`uuid NOT IN (${sql.join(except)})`, 'tried before')]),
    rule(sql`parent_node IS NULL`, 'a child of another node'),
    rule(sql`instance_uuid IS NULL`, 'in use'),
    rule(sql`maintenance = ${false}`, 'in maintenance'),
    rule(sql`retired = ${false}`, 'retired'),
    rule(sql`fault IS NULL`, sql`'with fault ' || fault`),
    rule(sql`provision_state = 'available'`, sql`'in state ' || provision_state`),
    rule(isFree(needs), 'busy with another operation'),
    rule(sql`NOT (${isReserved()})`, 'reserved by a request'),
    rule(sql`NOT (${isLocked()})`, 'locked by an operator'),
    ...(updating.length === 0 ? [] : [rule(sql`uuid NOT IN (${sql.join(updating)})`, 'with a firmware update under way')]),
    ...allocationRules(needs),
    ...sizeRules(needs),
    ...resourceRules(needs),
    ...traitRules(needs),
    ...nicRules(needs),
  ];
}

/**
 * A power change does not move the node to another state, so an allocation, which only reserves it, need not wait for its
 * end; Ironic tries such a node again a few times. A server would begin an operation of its own.
 */
function isFree({ allocated }: CandidateNeeds): RawBuilder<boolean> {
  if (!allocated) return sql`operation_id IS NULL`;
  return sql`(operation_id IS NULL OR EXISTS (SELECT 1 FROM operations AS o WHERE o.id = nodes.operation_id AND o.kind = 'power'))`;
}

function isReserved(): RawBuilder<boolean> {
  const now = new Date().toISOString();
  return sql`EXISTS (SELECT 1 FROM node_reservations AS r WHERE r.node_uuid = nodes.uuid AND r.deadline_at > ${now})`;
}

/** Each kind of lock forbids a deployment. */
function isLocked(): RawBuilder<boolean> {
  const now = new Date().toISOString();
  const inForce = sql`(l.expires_at IS NULL OR l.expires_at > ${now})`;
  return sql`EXISTS (SELECT 1 FROM node_locks AS l WHERE l.node_uuid = nodes.uuid AND ${inForce})`;
}

/** As in Ironic, a node whose power state is unknown is not allocated. */
function allocationRules({ allocated }: CandidateNeeds): CandidateRule[] {
  if (!allocated) return [];
  const { resource_class, owner, nodes } = allocated;
  return [
    rule(sql`COALESCE(resource_class = ${resource_class}, FALSE)`, `of another resource class than ${resource_class}`),
    rule(sql`power_state IS NOT NULL`, 'without a power state'),
    ...(owner === null
      ? []
      : [rule(sql`(COALESCE(owner, '') = ${owner} OR COALESCE(lessee, '') = ${owner})`, 'of another owner')]),
    ...(nodes ? [rule(sql`uuid IN (${sql.join(nodes)})`, 'not a requested node')] : []),
  ];
}

const sizeReasons = { cpus: 'too few CPUs', memory_mb: 'too little memory', local_gb: 'too little disk' } as const;

function sizeRules({ sizes }: CandidateNeeds): CandidateRule[] {
  return (['cpus', 'memory_mb', 'local_gb'] as const)
    .filter((name) => sizes[name] !== 0)
    .flatMap((name) => {
      const column = sql.ref(`size_${name}`);
      return [
        rule(sql`${column} IS NOT NULL`, `without properties/${name}`),
        rule(sql`${column} >= ${sizes[name]}`, sizeReasons[name]),
      ];
    });
}

/** A node provides exactly one unit of its resource class, so a request for two matches no node. */
function resourceRules({ resources }: CandidateNeeds): CandidateRule[] {
  return Object.entries(resources).flatMap(([name, amount]) => [
    rule(sql`resource_name = ${name}`, `of another resource class than ${name}`),
    ...(amount > 1 ? [rule(sql`id < 0`, `with 1 ${name}, of which ${amount} are wanted`)] : []),
  ]);
}

/** Traits are a JSON array of strings: a trait is present if its JSON text is. */
function traitRules({ traits }: CandidateNeeds): CandidateRule[] {
  return traits.map(({ name, required }) => {
    const has = contains('traits', JSON.stringify(name));
    return required ? rule(has, `without trait ${name}`) : rule(sql`NOT (${has})`, `with forbidden trait ${name}`);
  });
}

/** The ports of a port group count once. */
function nicRules({ nics }: CandidateNeeds): CandidateRule[] {
  if (nics === 0) return [];
  const count = sql`(SELECT COUNT(DISTINCT COALESCE(portgroup_uuid, uuid)) FROM node_ports WHERE node_ports.node_uuid = nodes.uuid AND vif_port_id IS NULL)`;
  return [rule(sql`${count} >= ${nics}`, nics === 1 ? 'without a NIC' : `with fewer than ${nics} NICs`)];
}
