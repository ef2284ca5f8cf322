/** Nodes as text: the fields of a request's microversion and selection, compiled once. */
import { type Static, Type } from 'typebox';
import type { BaremetalContext } from '#services/baremetal/context.ts';
import type { StoredNode } from '#store/tables/nodes.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { since } from '../http/versioned.ts';
import { always, refuseUnknownFields } from './fields.ts';
import { MaskedTexts } from './masked-texts.ts';
import { briefFields, type NodeCall, type NodeField, nodeFields, operationColumns, type Redaction } from './node-fields.ts';

/** A node in replies: which fields it has depends on the microversion and the selection. */
export const NodeReply = Type.Object(
  Object.fromEntries(nodeFields.map((field) => [field.name, since(field.since, Type.Optional(field.type))])),
  { additionalProperties: false },
);
export type NodeReply = Static<typeof NodeReply>;

export type NodeSelection = {
  version: Microversion;
  /** Comma-separated, as in the query. */
  fields?: string | undefined;
  /** Without `fields`: the few fields of a list. */
  isBrief?: boolean;
  /** Reads also whose nodes they are, on which depends what is shown. */
  showsOwners?: boolean;
};

/** Columns whose values may be long; the others of a whole page are read at once. */
const longColumns: readonly string[] = [
  'driver_info',
  'properties',
  'extra',
  'instance_info',
  'traits',
  'description',
  'last_error',
];

/** The text up to a value that depends on the node, and that value. */
type Part = { readonly before: string; readonly name: string; readonly text: NodeField['text'] };

export class NodeView {
  readonly columns: readonly (keyof StoredNode)[];
  /** In `driver_internal_info`. */
  readonly showsLocks: boolean;
  readonly #parts: readonly Part[];
  readonly #end: string;

  /** Throws `badRequest` for an unknown field, `notAcceptable` for a later version's. */
  constructor({ version, fields, isBrief = false, showsOwners = false }: NodeSelection) {
    const wanted: readonly string[] | undefined = fields?.split(',').filter(Boolean) ?? (isBrief ? briefFields : undefined);
    if (fields !== undefined && wanted) refuseUnknownFields(nodeFields, wanted, version);
    const shown = nodeFields
      .filter(({ since }) => atLeast(version, since))
      .filter(({ name }) => !wanted || wanted.includes(name) || name === always);
    const owners = showsOwners ? (['owner', 'lessee'] as const) : [];
    this.columns = [...new Set(['uuid' as const, ...owners, ...shown.flatMap(({ columns }) => columns)])];
    this.showsLocks = shown.some(({ name }) => name === 'driver_internal_info');
    const parts: Part[] = [];
    let before = '{';
    for (const [index, { name, text, constant }] of shown.entries()) {
      before += `${index === 0 ? '' : ','}${JSON.stringify(name)}:${constant ?? ''}`;
      if (constant !== undefined) continue;
      parts.push({ before, name, text });
      before = '';
    }
    this.#parts = parts;
    this.#end = `${before}}`;
  }

  get isShort(): boolean {
    return !this.columns.some((column) => longColumns.includes(column));
  }

  render(row: StoredNode, call: NodeCall): string {
    let text = '';
    for (const part of this.#parts) text += part.before + (call.redacts?.(part.name, row) ?? part.text(row, call));
    return text + this.#end;
  }
}

/** What a rendered node depends on besides its row: the request's version, and the URL of the API. */
export type NodeRendering = { readonly version: Microversion; readonly base: string; readonly redacts?: Redaction | undefined };

/** Renders nodes; keeps the views of each version without `fields`, and the masked texts. */
export class NodeRenderer {
  readonly #context: BaremetalContext;
  readonly #masked: MaskedTexts;
  readonly #views = new Map<string, NodeView>();

  constructor(context: BaremetalContext) {
    this.#context = context;
    this.#masked = new MaskedTexts(context);
  }

  viewOf(selection: NodeSelection): NodeView {
    if (selection.fields !== undefined) return new NodeView(selection);
    const key = `${selection.version.minor} ${selection.isBrief === true} ${selection.showsOwners === true}`;
    const view = this.#views.get(key) ?? new NodeView(selection);
    this.#views.set(key, view);
    return view;
  }

  /** The operations that hold the nodes are read at once. */
  async render(view: NodeView, rows: readonly StoredNode[], { version, base, redacts }: NodeRendering): Promise<string[]> {
    const { store, engine } = this.#context;
    const ids = rows.flatMap(({ operation_id }) => (operation_id ? [String(operation_id)] : []));
    const operations = ids.length === 0 ? [] : await store.operations.pick([...operationColumns, 'api_step'], { id: ids });
    const locks = view.showsLocks ? await store.node_locks.inForce(rows.map(({ uuid }) => String(uuid))) : [];
    const call: NodeCall = {
      minor: version.minor,
      base: JSON.stringify(base).slice(1, -1),
      operations: new Map(operations.map((operation) => [operation.id, operation])),
      locks: Map.groupBy(locks, ({ node_uuid }) => node_uuid),
      masked: this.#masked,
      redacts,
      engine,
    };
    return rows.map((row) => view.render(row, call));
  }
}
