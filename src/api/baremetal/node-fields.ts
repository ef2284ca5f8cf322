import { stateName } from '#domain/provision-states.ts';
/** The fields of a node in Ironic's representation: each since its microversion, as JSON text. Secrets are masked. */

import { hostname } from 'node:os';
import { type TSchema, Type } from 'typebox';
import { fieldOf, fixedInterfaceTable, interfaceKinds, rowOf } from '#domain/interface-kinds.ts';
import { fixedNodeFieldTable, nodeFlags, nodeFlagTable, nodeTexts, textRow } from '#domain/node-fields.ts';
import type { Engine } from '#engine/contract.ts';
import { stepFieldOf } from '#engine/operations/shown-as.ts';
import { instanceNameOf } from '#services/baremetal/instance-name.ts';
import type { NodeLock } from '#store/tables/node-locks.ts';
import type { StoredNode } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { MaskedTexts } from './masked-texts.ts';

/** Name of the one conductor: the machine Ingot runs on. */
export const conductorName = hostname();

type Column = keyof StoredNode;
/** The facts of an operation that are shown: not its request and context, which may contain secrets. */
export const operationColumns = [
  ...(['id', 'kind', 'purpose', 'state', 'step', 'step_started_at', 'waiting_for', 'deadline_at'] as const),
] as const;
export type OperationFacts = Pick<Operation, (typeof operationColumns)[number]>;
export type NodeOperation = OperationFacts & Pick<Operation, 'api_step'>;

/** The JSON in place of a field's; undefined: it is shown. */
export type Redaction = (field: string, row: Pick<StoredNode, 'owner' | 'lessee'>) => string | undefined;

/** What a node's text depends on besides its row. */
export type NodeCall = {
  readonly minor: number;
  /** The URL of the API, escaped for JSON. */
  readonly base: string;
  readonly operations: ReadonlyMap<string, NodeOperation>;
  /** Those in force, by node. */
  readonly locks: ReadonlyMap<string, readonly NodeLock[]>;
  readonly masked: MaskedTexts;
  /** Undefined: nothing is redacted. */
  readonly redacts: Redaction | undefined;
  /** The node's BMC health and the last progress report of its agent. */
  readonly engine: Pick<Engine, 'bmcHealth' | 'progressOf'>;
};

export type NodeField = {
  readonly name: string;
  /** The first minor microversion with it. */
  readonly since: number;
  readonly columns: readonly Column[];
  /** The type of its value, for the OpenAPI document. */
  readonly type: TSchema;
  /** Its JSON, if that is the same for all nodes. */
  readonly constant?: string;
  /** Its value as JSON. */
  readonly text: (row: StoredNode, call: NodeCall) => string;
};

const Text = Type.Union([Type.String(), Type.Null()]);
const Flag = Type.Union([Type.Boolean(), Type.Null()]);
const Bag = Type.Record(Type.String(), Type.Unknown());
const Links = Type.Array(Type.Object({ href: Type.String(), rel: Type.String() }));

const plain = (column: Column, since = 1): NodeField => ({
  ...{ name: column, since, columns: [column], type: Text },
  text: (row) => JSON.stringify(row[column]),
});
const flag = (column: Column, since = 1): NodeField => ({
  ...{ name: column, since, columns: [column], type: Flag },
  text: (row) => (row[column] === null ? 'null' : String(Boolean(row[column]))),
});
/** A column that is JSON itself. */
const json = (column: Column, since = 1, type: TSchema = Bag): NodeField => ({
  ...{ name: column, since, columns: [column], type },
  text: (row) => String(row[column]),
});
const masked = (column: 'driver_info' | 'instance_info'): NodeField => ({
  ...{ name: column, since: 1, columns: [column], type: Bag },
  text: (row, call) => call.masked.textOf(column, String(row[column])),
});
const typeOf = (value: unknown): TSchema => {
  if (typeof value === 'boolean') return Flag;
  return typeof value === 'object' && value !== null ? Bag : Text;
};
const constant = (name: string, since: number, value: unknown): NodeField => {
  const text = JSON.stringify(value);
  return { name, since, columns: [], type: typeOf(value), constant: text, text: () => text };
};
const derived = (field: Omit<NodeField, 'text'>, value: (row: StoredNode, call: NodeCall) => unknown): NodeField => ({
  ...field,
  text: (row, call) => JSON.stringify(value(row, call)),
});
const state = (name: 'provision_state' | 'target_provision_state'): NodeField =>
  derived({ name, since: 1, columns: [name], type: Text }, (row, { minor }) => stateName(row[name] as string | null, minor));
const collection = (name: string, since: number): NodeField => ({
  ...{ name, since, columns: ['uuid'], type: Links },
  text: ({ uuid }, { base }) => linksText(base, `nodes/${uuid}/${name}`),
});

export const nodeFields: readonly NodeField[] = [
  plain('uuid'),
  ...nodeTexts.map((name) => plain(name, textRow(name).since)),
  ...nodeFlags.map((name) => flag(name, nodeFlagTable[name].since)),
  plain('driver'),
  masked('driver_info'),
  derived({ name: 'driver_internal_info', since: 3, columns: ['uuid', 'operation_id'], type: Bag }, internalInfo),
  json('properties'),
  json('extra'),
  masked('instance_info'),
  plain('instance_uuid'),
  derived({ name: 'instance_name', since: 104, columns: ['instance_info'], type: Text }, instanceName),
  state('provision_state'),
  state('target_provision_state'),
  plain('provision_updated_at'),
  plain('power_state'),
  plain('target_power_state'),
  flag('maintenance'),
  plain('maintenance_reason'),
  plain('fault', 42),
  plain('health', 109),
  plain('last_error'),
  derived({ name: 'reservation', since: 1, columns: ['operation_id'], type: Text }, ({ operation_id }) =>
    operation_id === null ? null : conductorName,
  ),
  derived({ name: 'clean_step', since: 7, columns: ['operation_id'], type: Bag }, (row, call) => stepOf(row, call, 'clean_step')),
  derived({ name: 'service_step', since: 87, columns: ['operation_id'], type: Bag }, (row, call) =>
    stepOf(row, call, 'service_step'),
  ),
  derived({ name: 'deploy_step', since: 44, columns: ['operation_id'], type: Bag }, (row, call) =>
    stepOf(row, call, 'deploy_step'),
  ),
  json('traits', 37, Type.Array(Type.String())),
  ...interfaceKinds.map((kind) => plain(fieldOf(kind), rowOf(kind).since.node)),
  ...Object.entries(fixedNodeFieldTable).map(([name, { since, value }]) => constant(name, since, value)),
  ...Object.entries(fixedInterfaceTable).map(([kind, { name, since }]) => constant(`${kind}_interface`, since.node, name)),
  flag('console_enabled'),
  plain('inspection_started_at'),
  plain('inspection_finished_at'),
  json('raid_config', 12),
  json('target_raid_config', 12),
  constant('conductor', 49, conductorName),
  plain('allocation_uuid', 52),
  plain('boot_mode', 75),
  flag('secure_boot', 75),
  plain('created_at'),
  plain('updated_at'),
  { name: 'links', since: 1, columns: ['uuid'], type: Links, text: ({ uuid }, { base }) => linksText(base, `nodes/${uuid}`) },
  collection('ports', 1),
  collection('states', 14),
  collection('portgroups', 24),
  collection('volume', 32),
];

export const briefFields = ['instance_uuid', 'maintenance', 'power_state', 'provision_state', 'uuid', 'name', 'links'] as const;

/** @param base escaped for JSON, as is the path */
function linksText(base: string, path: string): string {
  return `[{"href":"${base}/baremetal/v1/${path}","rel":"self"},{"href":"${base}/baremetal/${path}","rel":"bookmark"}]`;
}

function internalInfo({ uuid, operation_id }: StoredNode, { operations, engine, locks }: NodeCall): object {
  const { api_step: _, ...operation } = operations.get(String(operation_id)) ?? {};
  const health = engine.bmcHealth(String(uuid));
  const progress = engine.progressOf(String(uuid));
  const held = locks.get(String(uuid));
  return {
    ...('id' in operation && { operation: { ...operation, ...(progress && { progress }) } }),
    ...(health && { bmc_health: health }),
    ...(held && {
      locks: held.map(({ id, kind, reason, user_name, expires_at }) => ({ id, kind, reason, owner: user_name, expires_at })),
    }),
  };
}

function instanceName({ instance_info }: StoredNode): string | null {
  return instance_info === '{}' ? null : instanceNameOf({ instance_info: JSON.parse(String(instance_info)) });
}

function stepOf({ operation_id }: StoredNode, { operations }: NodeCall, field: ReturnType<typeof stepFieldOf>): object {
  const operation = operation_id === null ? undefined : operations.get(String(operation_id));
  if (!operation || stepFieldOf(operation) !== field || operation.state !== 'running') return {};
  if (!operation.api_step) return { interface: 'deploy', step: operation.step, priority: 0, args: {} };
  const { index: _, ...step } = operation.api_step;
  // Arguments may hold secrets.
  return { ...step, args: {} };
}
