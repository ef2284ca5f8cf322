/**
 * Fields of nodes that need no code of their own to be read and written: texts and flags that operators set, and fields
 * of Ironic that have one value here. Columns, requests, filters and replies are derived from these tables.
 */

type TextRow = {
  /** The minor microversion from which Ironic shows the field. */
  readonly since: number;
  readonly maximum: number;
  /** The text is the UUID of a record of this noun. */
  readonly refersTo?: string;
};

/** Columns of a node; null: none. */
export const nodeTextTable = {
  name: { since: 5, maximum: 255 },
  resource_class: { since: 21, maximum: 80 },
  description: { since: 51, maximum: 4096 },
  owner: { since: 50, maximum: 255 },
  /** The project that uses the node of another one. */
  lessee: { since: 65, maximum: 255 },
  /** A label by which external schedulers partition nodes. */
  shard: { since: 82, maximum: 255 },
  /** UUID of the parent node; child nodes are never scheduled. */
  parent_node: { since: 83, maximum: 255 },
  chassis_uuid: { since: 1, maximum: 36, refersTo: 'chassis' },
  protected_reason: { since: 48, maximum: 4096 },
  retired_reason: { since: 61, maximum: 4096 },
} as const satisfies Readonly<Record<string, TextRow>>;

export type NodeText = keyof typeof nodeTextTable;
export type NodeTexts = { [N in NodeText]: string | null };
export const nodeTexts = Object.keys(nodeTextTable) as NodeText[];

/** @param given of a new node */
export function textsOf(given: Partial<NodeTexts>): NodeTexts {
  return Object.fromEntries(nodeTexts.map((name) => [name, given[name] ?? null])) as NodeTexts;
}

export function textRow(name: NodeText): TextRow {
  return nodeTextTable[name];
}

type FlagRow = {
  readonly since: number;
  /** Of a node for which it was not given; null: neither. */
  readonly initial: false | null;
};

/** Flags that operators set. Columns of a node. */
export const nodeFlagTable = {
  /** Null: as the setting `clean.automated` says. */
  automated_clean: { since: 47, initial: null },
  /** Its instance must not be deleted or rebuilt, nor the node itself. */
  protected: { since: 48, initial: false },
  /** It gets no further instance. */
  retired: { since: 61, initial: false },
  disable_power_off: { since: 95, initial: false },
} as const satisfies Readonly<Record<string, FlagRow>>;

export type NodeFlag = keyof typeof nodeFlagTable;
export type NodeFlags = { [F in NodeFlag]: boolean | (typeof nodeFlagTable)[F]['initial'] };
export const nodeFlags = Object.keys(nodeFlagTable) as NodeFlag[];

/** @param given of a new node */
export function flagsOf(given: Partial<NodeFlags>): NodeFlags {
  return Object.fromEntries(nodeFlags.map((name) => [name, given[name] ?? nodeFlagTable[name].initial])) as NodeFlags;
}

type FixedRow = {
  readonly since: number;
  readonly value: unknown;
  /** The values that clients may send. */
  readonly accepts: readonly unknown[];
  /** The field would be the UUID of a record of this noun: there is none. */
  readonly refersTo?: string;
};

export const fixedNodeFieldTable: Readonly<Record<string, FixedRow>> = {
  conductor_group: { since: 46, value: '', accepts: [''] },
  network_data: { since: 66, value: {}, accepts: [] },
};
