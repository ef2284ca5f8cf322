/** Inspection rules: what is done with the data of an inspection. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { PatternError, parsePattern } from '#domain/inspection-rules/pattern-syntax.ts';
import {
  actions,
  actionTable,
  complaintOf,
  multiples,
  namedArguments,
  operatorOf,
  operators,
  operatorTable,
  type RuleAction,
  type RuleCondition,
  unsupportedAction,
} from '#domain/inspection-rules/rule.ts';
import { whereUnique } from '#store/collection.ts';
import { isEqual } from '#store/conditions.ts';
import type { ListPage } from '#store/list.ts';
import type { InspectionRule } from '#store/tables/inspection-rules.ts';
import type { BaremetalContext } from './context.ts';
import type { JsonPatch } from './json-patch.ts';
import { newUuid, uuidOf } from './kept-uuid.ts';
import { findMarked } from './lookup.ts';
import { type ListRequest, listRecords } from './record-lists.ts';
import { Description, Flag, patchedFields, Uuid } from './record-patch.ts';
import { refuseReading } from './refuse-reading.ts';

type StoreContext = Pick<BaremetalContext, 'store'>;

const Bag = Type.Record(Type.String(), Type.Unknown());
const Data = Type.Union([Type.Array(Type.Unknown()), Bag]);
const oneOf = <T extends string>(names: readonly T[]) => Type.Union(names.map((name) => Type.Literal(name)));
const inverted = operators.map((name) => `!${name}` as const);

const Condition = Type.Object({
  op: oneOf([...operators, ...inverted]),
  args: Data,
  loop: Type.Optional(Data),
  multiple: Type.Optional(oneOf(multiples)),
});
const Action = Type.Object({ op: oneOf([...actions, unsupportedAction]), args: Data, loop: Type.Optional(Data) });

export const ruleFields = {
  actions: Type.Array(Action, { minItems: 1 }),
  conditions: Type.Optional(Type.Array(Condition)),
  description: Description,
  phase: Type.Optional(Type.Union([Type.String({ maxLength: 16 }), Type.Null()])),
  priority: Type.Optional(Type.Integer({ minimum: 0 })),
  sensitive: Flag,
};
export const InspectionRuleRequest = Type.Object({ ...ruleFields, uuid: Uuid }, { additionalProperties: false });
const Patched = Type.Object(ruleFields);

/** Throws `badRequest` for what is no UUID, `notFound` */
export async function findInspectionRule({ store }: StoreContext, uuid: string): Promise<InspectionRule> {
  const rule = await store.inspection_rules.find({ uuid: uuidOf('inspection_rule_uuid', uuid) });
  if (!rule) throw new Fault('notFound', { what: 'Rule', id: uuid });
  return rule;
}

const sortable = ['uuid', 'priority', 'description', 'sensitive', 'phase', 'created_at', 'updated_at'] as const;

export function listInspectionRules(
  { store }: StoreContext,
  request: ListRequest,
  phase: string | undefined,
): Promise<ListPage<InspectionRule>> {
  const collection = store.inspection_rules;
  const find = (marker: string) => findMarked(marker, 'Rule', (uuid) => collection.find({ uuid }));
  const where = phase ? [isEqual('phase', phase)] : [];
  return listRecords({ collection, sortable, where, find }, request);
}

export function createInspectionRule(
  { store }: StoreContext,
  { uuid, ...request }: Static<typeof InspectionRuleRequest>,
): Promise<InspectionRule> {
  const rule: InspectionRule = {
    uuid: newUuid(uuid),
    ...keptFields(request),
    created_at: new Date().toISOString(),
    updated_at: null,
  };
  return whereUnique(store.inspection_rules.insert(rule), (violation) => {
    return new Fault('conflict', { detail: `A rule with UUID ${rule.uuid} already exists.` }, violation);
  });
}

export function patchInspectionRule(context: StoreContext, uuid: string, patch: JsonPatch): Promise<InspectionRule> {
  return context.store.transaction(async (store) => {
    const before = await findInspectionRule({ store }, uuid);
    if (before.sensitive) refuseReading(patch, ['conditions', 'actions']);
    const changes = keptFields(patchedFields(Patched, before, patch));
    if (before.sensitive && !changes.sensitive) {
      const detail = "Couldn't apply patch. Reason: Inspection rules cannot have the sensitive flag unset.";
      throw new Fault('badRequest', { detail });
    }
    const changed = { ...before, ...changes, updated_at: new Date().toISOString() };
    await store.inspection_rules.update({ uuid: before.uuid }, changed);
    return changed;
  });
}

export async function deleteInspectionRule(context: StoreContext, uuid: string): Promise<void> {
  const rule = await findInspectionRule(context, uuid);
  if ((await context.store.inspection_rules.remove({ uuid: rule.uuid })) === 0)
    throw new Fault('notFound', { what: 'Rule', id: uuid });
}

type Given = Omit<Static<typeof InspectionRuleRequest>, 'uuid'>;

/** Throws `badRequest` for a rule that could never be applied, `unsupported` for an action that Ingot does not have. */
export function keptFields(
  { priority = 0, phase = 'main', description, sensitive, ...given }: Given,
  { isBuiltIn = false }: { isBuiltIn?: boolean } = {},
) {
  const conditions = (given.conditions ?? []) as RuleCondition[];
  const actions = given.actions as RuleAction[];
  const complaints = [
    ...(phase === 'main' ? [] : [`Invalid phase: ${phase ?? 'None'}. Valid phases are: main`]),
    ...(priority > 9999 && !isBuiltIn ? ['Priority must be between 0 and 9999 for user-defined rules.'] : []),
    ...conditions.flatMap(complaintsOfCondition),
    ...actions.flatMap(complaintsOfAction),
  ];
  if (complaints.length > 1)
    throw new Fault('badRequest', { detail: `Multiple validation errors occurred: ${complaints.join('; ')}` });
  if (complaints[0] !== undefined) throw new Fault('badRequest', { detail: complaints[0] });
  return {
    ...{ priority, phase: 'main', description: description ?? null, sensitive: sensitive ?? false },
    conditions: conditions.map(({ op, args, loop, multiple }) => ({
      ...{ op, args },
      ...(loop && Object.keys(loop).length > 0 && { loop, multiple: multiple ?? 'any' }),
    })),
    actions: actions.map(({ op, args, loop }) => ({ op, args, ...(loop && Object.keys(loop).length > 0 && { loop }) })),
  };
}

function complaintsOfCondition({ op, args, loop }: RuleCondition): string[] {
  const { name } = operatorOf(op);
  const operation = operatorTable[name];
  const complaint = complaintOf(operation, args);
  if (complaint !== undefined) return [`Invalid parameters for condition operator ${name}: ${complaint}`];
  const regex = namedArguments(operation, args)['regex'];
  const odd = typeof regex === 'string' && !loop ? patternComplaint(regex) : undefined;
  return odd === undefined ? [] : [`Invalid parameters for condition operator ${name}: invalid regular expression: ${odd}`];
}

function complaintsOfAction({ op, args }: RuleAction): string[] {
  if (op === unsupportedAction) throw new Fault('unsupported', { what: "The action 'api-call' of an inspection rule" });
  const complaint = complaintOf(actionTable[op as keyof typeof actionTable], args);
  return complaint === undefined ? [] : [`Invalid parameters for action operator ${op}: ${complaint}`];
}

function patternComplaint(regex: string): string | undefined {
  try {
    parsePattern(regex);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}
