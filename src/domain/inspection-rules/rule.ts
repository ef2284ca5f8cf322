/** Inspection rules as they are kept, and the operators and actions that there are, with Ironic's names. */
import type { Json, JsonObject } from '../json.ts';

/** Arguments by name, or in the order of the names. */
export type RuleArguments = JsonObject | Json[];

export type RuleCondition = {
  /** An operator, inverted by a leading `!`. */
  op: string;
  args: RuleArguments;
  /** Items for each of which the condition is tested, as `{item}`. */
  loop?: JsonObject | Json[];
  /** How the results of a loop are combined. Default: `any`. */
  multiple?: Multiple;
};
export type RuleAction = { op: string; args: RuleArguments; loop?: JsonObject | Json[] };

export const multiples = ['any', 'all', 'first', 'last'] as const;
type Multiple = (typeof multiples)[number];

/** @property formatted whose fields in braces are filled in; in a loop, those of all arguments are */
type Operation = {
  readonly required: readonly string[];
  readonly optional?: readonly string[];
  readonly formatted: readonly string[];
};

const compared: Operation = { required: ['values'], optional: ['force_strings'], formatted: ['values'] };
const oneValue: Operation = { required: ['value'], formatted: ['value'] };
const matched: Operation = { required: ['value', 'regex'], formatted: ['value'] };

export const operatorTable = {
  eq: compared,
  lt: compared,
  gt: compared,
  'is-empty': oneValue,
  'in-net': { required: ['address', 'subnet'], formatted: ['address', 'subnet'] },
  matches: matched,
  contains: matched,
  'one-of': { required: ['value'], optional: ['values'], formatted: ['value'] },
  'is-none': oneValue,
  'is-true': oneValue,
  'is-false': oneValue,
} as const satisfies Record<string, Operation>;
export type OperatorName = keyof typeof operatorTable;

const set: Operation = { required: ['path', 'value'], formatted: ['value'] };
const extend: Operation = { required: ['path', 'value'], optional: ['unique'], formatted: ['value'] };
const drop: Operation = { required: ['path'], formatted: [] };
const ofPort = ({ required, ...operation }: Operation): Operation => ({ ...operation, required: ['port_id', ...required] });

export const actionTable = {
  fail: { required: ['msg'], formatted: [] },
  log: { required: ['msg'], optional: ['level'], formatted: ['msg'] },
  'set-attribute': set,
  'extend-attribute': extend,
  'del-attribute': drop,
  'set-capability': { required: ['name', 'value'], formatted: ['value'] },
  'unset-capability': { required: ['name'], formatted: [] },
  'add-trait': { required: ['name'], formatted: [] },
  'remove-trait': { required: ['name'], formatted: [] },
  'set-plugin-data': set,
  'extend-plugin-data': extend,
  'unset-plugin-data': drop,
  'set-port-attribute': ofPort(set),
  'extend-port-attribute': ofPort(extend),
  'del-port-attribute': ofPort(drop),
} as const satisfies Record<string, Operation>;
export type ActionName = keyof typeof actionTable;

/** Of Ironic, but not here: Ingot would send requests to any address for whoever may write rules. */
export const unsupportedAction = 'api-call';

export const operators = Object.keys(operatorTable) as OperatorName[];
export const actions = Object.keys(actionTable) as ActionName[];

export function operatorOf(op: string): { name: OperatorName; isInverted: boolean } {
  const text = op.trim();
  const isInverted = text.startsWith('!');
  return { name: (isInverted ? text.slice(1).trim() : text) as OperatorName, isInverted };
}

/** What is wrong with the names of the arguments; undefined: nothing. */
export function complaintOf({ required, optional = [] }: Operation, args: RuleArguments): string | undefined {
  if (Array.isArray(args)) {
    const missing = required.slice(args.length);
    return missing.length > 0 ? `Not enough arguments provided. Missing: ${missing.join(', ')}` : undefined;
  }
  const given = Object.keys(args);
  const missing = required.filter((name) => !given.includes(name));
  const unexpected = given.filter((name) => !required.includes(name) && !optional.includes(name));
  const complaints = [
    ...(missing.length > 0 ? [`missing required argument(s): ${missing.join(', ')}`] : []),
    ...(unexpected.length > 0 ? [`unexpected argument(s): ${unexpected.join(', ')}`] : []),
  ];
  return complaints.length > 0 ? complaints.join('; ') : undefined;
}

/** Arguments by name. */
export function namedArguments({ required, optional = [] }: Operation, args: RuleArguments): JsonObject {
  if (!Array.isArray(args)) return args;
  const names = [...required, ...optional].slice(0, args.length);
  return Object.fromEntries(names.map((name, index) => [name, args[index] as Json]));
}
