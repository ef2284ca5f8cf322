/** Converts a client's JSON Patch on a node into changes for the engine. */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { lazily } from '#async/lazily.ts';
import { Fault } from '#domain/faults.ts';
import { interfaceFields } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import { type NodeText, nodeFlags, nodeFlagTable, nodeTexts, textRow } from '#domain/node-fields.ts';
import { isUuidLike, uuidPattern } from '#domain/uuids.ts';
import type { NodeChanges } from '#engine/contract.ts';
import type { Node } from '#store/tables/nodes.ts';
import { booleanOf } from '../loose-booleans.ts';
import { instanceNameOf, withInstanceName } from './instance-name.ts';
import { applyPatch, type JsonPatch, membersOf, writtenMembersOf } from './json-patch.ts';
import { fixedFieldTable, refuseFixedFields } from './node-fixed-fields.ts';
import { NodeName, refuseEmptyName, refuseReservedName } from './node-names.ts';
import { refuseReading } from './refuse-reading.ts';
import { restoreSecrets } from './restore-secrets.ts';

const bagNames = ['driver_info', 'properties', 'extra', 'instance_info'] as const;
const changeable: readonly string[] = [
  'driver',
  'maintenance',
  'instance_uuid',
  ...interfaceFields,
  ...bagNames,
  ...nodeTexts,
  ...nodeFlags,
  'instance_name',
];

const noFixedFields: JsonObject = Object.fromEntries(Object.keys(fixedFieldTable).map((name) => [name, null]));

const FreeFormObject = Type.Record(Type.String(), Type.Unknown());
const Text = (options: { minLength?: number; maxLength: number }) => Type.Union([Type.String(options), Type.Null()]);
const textSchemas = Object.fromEntries(nodeTexts.map((name) => [name, Text({ maxLength: textRow(name).maximum })])) as Record<
  NodeText,
  ReturnType<typeof Text>
>;
const Patched = Type.Object({
  driver: Type.String({ minLength: 1 }),
  maintenance: Type.Boolean(),
  instance_uuid: Type.Union([Type.String(), Type.Null()]),
  ...textSchemas,
  name: Type.Union([NodeName, Type.Null()]),
  instance_name: Text({ minLength: 1, maxLength: 255 }),
  driver_info: FreeFormObject,
  properties: FreeFormObject,
  extra: FreeFormObject,
  instance_info: FreeFormObject,
});
/** Compiled at the first patch. */
const patchedCheck = lazily(() => Compile(Patched));

/**
 * Only the fields that the patch touches. A removed interface returns to the default of the hardware type; asterisks in
 * place of a secret change nothing. Throws `badRequest` or `unsupported`.
 */
export function readNodePatch(node: Node, patch: JsonPatch, declared: ReadonlySet<string>): NodeChanges {
  for (const name of membersOf(patch)) refuseUnknown(name);
  refuseReading(patch, maskedFields);
  const before = Object.fromEntries(changeable.map((name) => [name, node[name as keyof Node] ?? null])) as JsonObject;
  before['instance_name'] = instanceNameOf(node);
  const after = applyPatch({ ...before, ...noFixedFields }, patch, maskedFields);
  const { instance_uuid: _instance, ...others } = after;
  refuseFixedFields(others);
  const changes = changesOf(node, after, writtenMembersOf(patch));
  for (const name of maskedFields) {
    const bag = changes[name];
    if (bag) changes[name] = restoreSecrets(bag, node[name], declared);
  }
  return changes;
}

const maskedFields = ['driver_info', 'instance_info'] as const;

function changesOf(node: Node, after: JsonObject, touched: ReadonlySet<string>): NodeChanges {
  if (touched.has('name')) refuseEmptyName(after['name']);
  const patched = { ...after };
  for (const name of bagNames) patched[name] ??= {};
  for (const [name, initial] of flagTable) patched[name] = flagOf(name, patched, initial);
  for (const name of nodeTexts) patched[name] = patched[name] === '' ? null : (patched[name] ?? null);
  patched['instance_name'] ??= null;
  patched['instance_uuid'] = instanceOf(patched['instance_uuid']);
  if (!patchedCheck().Check(patched)) {
    const [error] = patchedCheck().Errors(patched);
    throw new Fault('badRequest', { detail: `Invalid value for ${error?.instancePath.slice(1)}: it ${error?.message}.` });
  }
  refuseReservedName('node', patched.name);
  const changes: Record<string, unknown> = {};
  for (const name of touched) if (changeable.includes(name)) changes[name] = patched[name];
  if (touched.has('instance_name')) {
    delete changes['instance_name'];
    const info = (changes['instance_info'] ?? node.instance_info) as JsonObject;
    changes['instance_info'] = withInstanceName(info, patched.instance_name);
  }
  const empty = interfaceFields.find((name) => touched.has(name) && patched[name] === '');
  if (empty) throw new Fault('badRequest', { detail: `Invalid value for ${empty}: remove it to get the default.` });
  // An empty name requests the default.
  for (const name of interfaceFields) if (touched.has(name)) changes[name] = String(patched[name] ?? '');
  return changes as NodeChanges;
}

const flagTable: readonly (readonly [name: string, initial: boolean | null])[] = [
  ['maintenance', false],
  ...nodeFlags.map((name) => [name, nodeFlagTable[name].initial] as const),
];

/** Removed, it gets the value of a new node. */
function flagOf(name: string, patched: JsonObject, initial: boolean | null): boolean | null {
  const value = name in patched ? patched[name] : initial;
  if (value === null && initial === null) return null;
  if (typeof value === 'number')
    throw new Fault('badRequest', { detail: `Invalid value for ${name}: it must be boolean or string.` });
  return booleanOf(name, value);
}

/** @throws Fault `badRequest` with Ironic's text */
function instanceOf(given: unknown): string | null {
  if (given === undefined || given === null || given === '') return null;
  if (typeof given === 'string' && isUuidLike(given)) return uuidPattern.test(given) ? given.toLowerCase() : withDashes(given);
  throw new Fault('badRequest', { detail: `Expected UUID for instance_uuid: ${given}` });
}

function withDashes(digits: string): string {
  const [a, b, c, d, e] = [0, 8, 12, 16, 20].map((start, index, all) => digits.slice(start, all[index + 1]).toLowerCase());
  return `${a}-${b}-${c}-${d}-${e}`;
}

const elsewhereTable: Readonly<Record<string, string>> = {
  maintenance_reason: 'PUT /v1/nodes/{node}/maintenance',
  power_state: 'PUT /v1/nodes/{node}/states/power',
  provision_state: 'PUT /v1/nodes/{node}/states/provision',
  traits: 'PUT /v1/nodes/{node}/traits',
};

function refuseUnknown(name: string): void {
  if (changeable.includes(name) || Object.hasOwn(fixedFieldTable, name)) return;
  const elsewhere = Object.hasOwn(elsewhereTable, name) ? elsewhereTable[name] : undefined;
  const only = [...changeable, ...Object.keys(fixedFieldTable)].sort().join(', ');
  const detail = elsewhere
    ? `Cannot patch /${name}: it changes by ${elsewhere}.`
    : `Cannot patch /${name}. Only the following can be updated: ${only}`;
  throw new Fault('badRequest', { detail });
}
