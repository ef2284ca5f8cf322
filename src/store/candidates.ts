/**
 * Candidate nodes for a server, as far as the database can decide: free, large enough, of the right kind. One table of
 * rules generates both the search, which reads a few rows by an index, and the count of reasons if nothing was found.
 */
import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import { contains } from './contains.ts';
import type { Store } from './store.ts';
import type { Node } from './tables/nodes.ts';
import type { Tables } from './tables.ts';

export type CandidateNeeds = {
  /** UUID or name of the only acceptable node. */
  node?: string | undefined;
  /** 0: no requirement. */
  sizes: { readonly cpus: number; readonly memory_mb: number; readonly local_gb: number };
  /** In Placement's spelling. */
  resources: Readonly<Record<string, number>>;
  traits: readonly { name: string; required: boolean }[];
  nics: number;
};

const columns = ['id', 'uuid', 'name', 'driver', 'deploy_interface', 'properties'] as const satisfies readonly (keyof Node)[];
/** Columns for checks that need code; with ten thousand nodes nothing else should be read. */
export type Candidate = Pick<Node, (typeof columns)[number]>;

/** Number of nodes rejected per reason; each node counts once, for the first reason that applies. */
export type Reasons = Record<string, number>;

/** `holds` is never NULL if all earlier rules hold. */
type Rule = { holds: RawBuilder<boolean>; reason: RawBuilder<string> };

const rule = (holds: RawBuilder<boolean>, reason: string | RawBuilder<string>): Rule => ({
  holds,
  reason: typeof reason === 'string' ? sql<string>`${reason}` : reason,
});

function rulesOf(needs: CandidateNeeds): Rule[] {
  const { node } = needs;
  return [
    ...(node === undefined ? [] : [rule(sql`(uuid = ${node} OR COALESCE(name, '') = ${node})`, 'not the requested node')]),
    rule(sql`parent_node IS NULL`, 'a child of another node'),
    rule(sql`instance_uuid IS NULL`, 'in use'),
    rule(sql`maintenance = ${false}`, 'in maintenance'),
    rule(sql`fault IS NULL`, sql`'with fault ' || fault`),
    rule(sql`provision_state = 'available'`, sql`'in state ' || provision_state`),
    rule(sql`operation_id IS NULL`, 'busy with another operation'),
    ...sizeRules(needs),
    ...resourceRules(needs),
    ...traitRules(needs),
    ...nicRules(needs),
  ];
}

const sizeReasons = { cpus: 'too few CPUs', memory_mb: 'too little memory', local_gb: 'too little disk' } as const;

function sizeRules({ sizes }: CandidateNeeds): Rule[] {
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
function resourceRules({ resources }: CandidateNeeds): Rule[] {
  return Object.entries(resources).flatMap(([name, amount]) => [
    rule(sql`resource_name = ${name}`, `of another resource class than ${name}`),
    ...(amount > 1 ? [rule(sql`id < 0`, `with 1 ${name}, of which ${amount} are wanted`)] : []),
  ]);
}

/** Traits are a JSON array of strings: a trait is present if its JSON text is. */
function traitRules({ traits }: CandidateNeeds): Rule[] {
  return traits.map(({ name, required }) => {
    const has = contains('traits', JSON.stringify(name));
    return required ? rule(has, `without trait ${name}`) : rule(sql`NOT (${has})`, `with forbidden trait ${name}`);
  });
}

function nicRules({ nics }: CandidateNeeds): Rule[] {
  if (nics === 0) return [];
  const count = sql`(SELECT COUNT(*) FROM node_ports WHERE node_ports.node_uuid = nodes.uuid AND vif_port_id IS NULL)`;
  return [rule(sql`${count} >= ${nics}`, nics === 1 ? 'without a NIC' : `with fewer than ${nics} NICs`)];
}

/** Usually one of the first few is chosen; for rare properties a few large pages are cheaper than many small ones. */
const firstPage = 20;
const pageGrowth = 10;

/**
 * Best first: fewest recent failures, then the smallest, so that large machines stay free. Must run in a transaction.
 */
export async function* listCandidates({ db, nodes }: Store, needs: CandidateNeeds): AsyncGenerator<Candidate> {
  const query = matching(db.selectFrom('nodes'), rulesOf(needs))
    .select(columns)
    .orderBy('failures')
    .orderBy('size_memory_mb')
    .orderBy('size_cpus')
    .orderBy('size_local_gb')
    .orderBy('id');
  for (let offset = 0, size = firstPage; ; offset += size, size *= pageGrowth) {
    const rows = await query.limit(size).offset(offset).execute();
    for (const row of rows) yield nodes.decode(row);
    if (rows.length < size) return;
  }
}

type NodeQuery<O = object> = SelectQueryBuilder<Tables, 'nodes', O>;

function matching(query: NodeQuery, rules: readonly Rule[]): NodeQuery {
  return rules.reduce((filtered, { holds }) => filtered.where(holds), query);
}

/** Reads every node. Those that `listCandidates` returns have no reason here and are not counted. */
export async function countCauses({ db }: Store, needs: CandidateNeeds): Promise<Reasons> {
  const cases = rulesOf(needs).map(({ holds, reason }) => sql`WHEN NOT (${holds}) THEN ${reason}`);
  const cause = sql<string | null>`CASE ${sql.join(cases, sql` `)} END`;
  const { rows } = await sql<{ cause: string | null; count: number }>`
    SELECT cause, COUNT(*) AS count FROM (SELECT id, ${cause} AS cause FROM nodes) AS causes
    WHERE cause IS NOT NULL GROUP BY cause ORDER BY MIN(id)`.execute(db);
  return Object.fromEntries(rows.map(({ cause, count }) => [cause, Number(count)]));
}
