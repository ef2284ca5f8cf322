/** The actions of a rule, on copies of the records of a node. */
import type { Json, JsonObject } from '../json.ts';
import { type Budget, RuleFailure } from './budget.ts';
import { interpolated, type Names } from './interpolation.ts';
import { deleteAt, extendAt, partsOf, setAt } from './paths.ts';
import { textOf } from './python-text.ts';
import { type ActionName, actionTable, namedArguments, type RuleAction } from './rule.ts';

/** What rules may change, each with its columns. */
export type Draft = {
  readonly node: JsonObject;
  readonly ports: readonly JsonObject[];
  readonly plugin_data: JsonObject;
  /** Messages of the action `log`. */
  readonly messages: string[];
};

type Act = (draft: Draft, args: JsonObject, budget: Budget) => void;
const value = (args: JsonObject): Json => args['value'] ?? null;
const addition = (args: JsonObject) => ({ value: value(args), unique: args['unique'] === true });

const actTable: Record<ActionName, Act> = {
  fail: (_, { msg = null }) => {
    throw new RuleFailure(textOf(msg));
  },
  log: ({ messages }, { msg = null }) => void messages.push(textOf(msg)),
  'set-attribute': ({ node }, args) => setAt(node, attributeOf(node, args), value(args)),
  'extend-attribute': ({ node }, args, budget) => budget.spend(extendAt(node, attributeOf(node, args), addition(args))),
  'del-attribute': ({ node }, args) => remove(node, attributeOf(node, args)),
  'set-capability': ({ node }, args, budget) => budget.spend(setCapability(node, nameOf(args), textOf(value(args)))),
  'unset-capability': ({ node }, args, budget) => budget.spend(setCapability(node, nameOf(args), undefined)),
  'add-trait': ({ node }, args, budget) => {
    budget.spend(extendAt(node, ['traits'], { value: nameOf(args), unique: true }));
  },
  'remove-trait': ({ node }, args) => {
    setAt(
      node,
      ['traits'],
      (node['traits'] as Json[]).filter((each) => each !== nameOf(args)),
    );
  },
  'set-plugin-data': ({ plugin_data }, args) => setAt(plugin_data, dotted(args), value(args)),
  'extend-plugin-data': ({ plugin_data }, args, budget) => budget.spend(extendAt(plugin_data, dotted(args), addition(args))),
  'unset-plugin-data': ({ plugin_data }, args) => void (has(plugin_data, dotted(args)) && deleteAt(plugin_data, dotted(args))),
  'set-port-attribute': (draft, args) => {
    const port = portOf(draft, args);
    setAt(port, attributeOf(port, args), value(args));
  },
  'extend-port-attribute': (draft, args, budget) => {
    const port = portOf(draft, args);
    budget.spend(extendAt(port, attributeOf(port, args), addition(args)));
  },
  'del-port-attribute': (draft, args) => {
    const port = portOf(draft, args);
    remove(port, attributeOf(port, args));
  },
};

/** Throws `RuleFailure`, also for the action `fail`. */
export function act(action: RuleAction, { draft, facts, budget }: { draft: Draft; facts: Omit<Names, 'item'>; budget: Budget }) {
  const { op, args, loop } = action;
  const items = loop && Object.keys(loop).length > 0 ? (Array.isArray(loop) ? loop : [loop]) : undefined;
  for (const names of items ? items.map((item) => ({ ...facts, item })) : [facts as Names]) {
    budget.spend(100);
    const operation = actionTable[op as ActionName];
    const filled = Object.entries(namedArguments(operation, args)).map(([key, each]) => {
      const isFormatted = items !== undefined || (operation.formatted as readonly string[]).includes(key);
      return [key, isFormatted ? interpolated(each, { names, budget }) : each] as const;
    });
    actTable[op as ActionName](draft, Object.fromEntries(filled), budget);
  }
}

/** @returns the parts of a path that begins with one of the record's attributes */
function attributeOf(record: JsonObject, { path }: JsonObject): string[] {
  const parts = partsOf(path);
  const [first = ''] = parts;
  if (Object.hasOwn(record, first) && first !== 'uuid') return parts;
  throw new RuleFailure(`an inspection rule cannot change the attribute '${first.slice(0, 100)}'`);
}

function remove(record: JsonObject, parts: readonly string[]): void {
  const [first = ''] = parts;
  if (parts.length === 1) setAt(record, [first], emptied(record[first] ?? null));
  else if (!deleteAt(record, parts)) throw new RuleFailure(`there is nothing at ${parts.join('/').slice(0, 200)}`);
}

function emptied(former: Json): Json {
  if (Array.isArray(former)) return [];
  return typeof former === 'object' && former !== null ? {} : null;
}

const nameOf = ({ name = null }: JsonObject): string => textOf(name);

/** Plugin data have paths with dots alone. */
function dotted({ path = null }: JsonObject): string[] {
  return partsOf(textOf(path).replaceAll('/', '\u2215')).map((part) => part.replaceAll('\u2215', '/'));
}

function has(root: JsonObject, parts: readonly string[]): boolean {
  let value: Json | undefined = root;
  for (const part of parts)
    value = typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? (value as JsonObject)[part] : undefined;
  return value !== undefined;
}

function portOf({ ports }: Draft, { port_id = null }: JsonObject): JsonObject {
  const port = ports.find(({ uuid }) => uuid === port_id);
  if (!port) throw new RuleFailure(`Port ${textOf(port_id).slice(0, 100)} could not be found.`);
  return port;
}

/** In `properties.capabilities`, a list of `name:value`. @returns how long it was */
function setCapability(node: JsonObject, name: string, wanted: string | undefined): number {
  if (/[:,]/.test(name) || wanted?.includes(','))
    throw new RuleFailure(`a capability is a name and a value without commas: ${name.slice(0, 100)}`);
  const properties = node['properties'] as JsonObject;
  const former = textOf(properties['capabilities'] ?? '');
  const others = former.split(',').filter((each) => each !== '' && each.split(':')[0] !== name);
  setAt(properties, ['capabilities'], [...others, ...(wanted === undefined ? [] : [`${name}:${wanted}`])].join(','));
  return former.length;
}
