/** Nodes: enrolment, changes, deletion. */
import { type Static, Type } from 'typebox';
import { asFault, Fault } from '#domain/faults.ts';
import { interfaceFields, perField } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import { type NodeFlag, type NodeText, nodeFlags, nodeTexts, textRow } from '#domain/node-fields.ts';
import type { NewNode, NodeChanges } from '#engine/contract.ts';
import type { Node } from '#store/tables/nodes.ts';
import { booleanOf, LooseBoolean } from '../loose-booleans.ts';
import type { BaremetalContext } from './context.ts';
import { withInstanceName } from './instance-name.ts';
import { type JsonPatch, membersOf } from './json-patch.ts';
import { newUuid } from './kept-uuid.ts';
import { findNamedNode, findNode, nodeKey } from './lookup.ts';
import { bornWithTable, fixedFieldTable, patchOnly, refuseFixedFields } from './node-fixed-fields.ts';
import { NodeName, refuseEmptyName, refuseReservedName } from './node-names.ts';
import { readNodePatch } from './node-patch.ts';
import { refuseUnknownReferences } from './node-references.ts';
import { declaredSecrets } from './secrets.ts';

const Maybe = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const FreeFormObject = Maybe(Type.Record(Type.String(), Type.Unknown()));
const fixed = Object.keys({ ...fixedFieldTable, ...bornWithTable });
const isGivenAtEnrolment = (name: string) => !patchOnly.includes(name);
const givenTexts = nodeTexts.filter(isGivenAtEnrolment);
const givenFlags = nodeFlags.filter(isGivenAtEnrolment);
const Flag = Maybe(LooseBoolean);
const Text = (maxLength: number) => Maybe(Type.String({ maxLength }));
/** Omitted = the default. */
const Interface = Maybe(Type.String({ minLength: 1, maxLength: 255 }));

/** A node as a client describes it; null and '' mean "not given". */
export const NodeRequest = Type.Object({
  ...(Object.fromEntries(givenTexts.map((name) => [name, Text(textRow(name).maximum)])) as Record<
    NodeText,
    ReturnType<typeof Text>
  >),
  ...(Object.fromEntries(givenFlags.map((name) => [name, Flag])) as Record<NodeFlag, typeof Flag>),
  driver: Type.String({ minLength: 1 }),
  uuid: Maybe(Type.String()),
  name: Maybe(NodeName),
  driver_info: FreeFormObject,
  properties: FreeFormObject,
  extra: FreeFormObject,
  instance_info: FreeFormObject,
  instance_name: Maybe(Type.String({ minLength: 1, maxLength: 255 })),
  ...perField(() => Interface),
  maintenance: Maybe(LooseBoolean),
  /** Only one value is accepted: see `refuseFixedFields`. */
  ...Object.fromEntries(fixed.map((name) => [name, Type.Optional(Type.Unknown())])),
});
export type NodeRequest = Static<typeof NodeRequest>;

/** @param provision_state of a new node */
export async function createNode(
  context: BaremetalContext,
  request: NodeRequest,
  provision_state: 'enroll' | 'available',
): Promise<Node> {
  await refuseUnknownReferences(context, request);
  refuseFixedFields(request);
  return context.engine.createNode({ ...(await withParent(context, readNode(request))), provision_state });
}

/** null and '' mean "not given"; the engine then chooses. */
function readNode(request: NodeRequest): NewNode {
  const { driver, driver_info, properties, extra, instance_info, instance_name, uuid, maintenance, ...texts } = request;
  if (request.name === '') refuseEmptyName(request.name);
  refuseReservedName('node', request.name);
  const known = [...nodeTexts, ...interfaceFields] as const;
  const given = Object.fromEntries(known.flatMap((key) => (texts[key] ? [[key, texts[key]]] : [])));
  const named = instance_name && { instance_info: withInstanceName((instance_info ?? {}) as JsonObject, instance_name) };
  const bags = { driver_info, properties, extra, instance_info, ...named } as Record<string, JsonObject | undefined>;
  const filled = Object.fromEntries(Object.entries(bags).filter(([, bag]) => bag));
  return {
    driver,
    uuid: newUuid(uuid),
    ...flagsIn({ ...texts, maintenance }),
    ...given,
    ...filled,
  };
}

function flagsIn(given: Partial<Record<NodeFlag | 'maintenance', unknown>>): Partial<Record<NodeFlag | 'maintenance', boolean>> {
  const names = (['maintenance', ...givenFlags] as const).filter((name) => given[name] !== undefined && given[name] !== null);
  return Object.fromEntries(names.map((name) => [name, booleanOf(name, given[name])]));
}

type PatchRequest = {
  readonly patch: JsonPatch;
  readonly reset_interfaces?: boolean | undefined;
  /** Also of an active node. */
  readonly mayChangeOwner: boolean;
};

/** @returns UUID of the node */
export async function patchNode(context: BaremetalContext, ident: string, request: PatchRequest): Promise<string> {
  const { patch, reset_interfaces, mayChangeOwner } = request;
  // A driver change resets the interfaces in any case.
  if (reset_interfaces !== undefined && !membersOf(patch).has('driver'))
    throw new Fault('badRequest', {
      detail: "The reset_interfaces parameter can only be used when changing the node's driver.",
    });
  const key = nodeKey(ident);
  const { uuid } = 'uuid' in key ? key : await findNode(context, ident);
  await context.engine.updateNode(uuid, async (now, trx) => {
    const changes = readNodePatch(now, patch, declaredSecrets(context.drivers));
    if (!mayChangeOwner) refuseOwnerOfActive(now, changes);
    await refuseUnknownReferences({ store: trx }, changes);
    return withParent({ store: trx }, changes);
  });
  return uuid;
}

/** Text of Ironic. */
function refuseOwnerOfActive({ uuid, provision_state }: Node, { owner }: NodeChanges): void {
  if (owner === undefined || provision_state !== 'active') return;
  throw new Fault('conflict', { detail: `Cannot update owner of node "${uuid}" while it is in state "active".` });
}

export async function deleteNode(context: BaremetalContext, ident: string): Promise<void> {
  await context.engine.deleteNode((await findNode(context, ident)).uuid);
}

/** A parent is given by name or UUID, and stored by UUID. */
async function withParent<C extends NodeChanges>(context: Pick<BaremetalContext, 'store'>, changes: C): Promise<C> {
  if (!changes.parent_node) return changes;
  return { ...changes, parent_node: (await findNamedNode(context, changes.parent_node)).uuid };
}

/** UUID of a node by name or UUID; an unknown identifier stays as it is, and matches no parent. */
export async function uuidOf(context: Pick<BaremetalContext, 'store'>, ident: string): Promise<string> {
  const node = await findNode(context, ident).catch((error: unknown) => {
    if (asFault(error).code !== 'notFound') throw error;
  });
  return node?.uuid ?? ident;
}
