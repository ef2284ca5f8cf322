/** The steps of deploy templates and runbooks. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { restoreSecrets } from './restore-secrets.ts';

/** Interfaces whose steps can be named, those that win a tie first. */
const interfaces = ['vendor', 'power', 'management', 'firmware', 'deploy', 'bios', 'raid'] as const;

const largest = 2 ** 31 - 1;
/** A number, also as text. */
const Place = Type.Union([
  Type.Integer({ minimum: 0, maximum: largest }),
  Type.String({ minLength: 1, maxLength: 10, pattern: '^[0-9]+$' }),
]);
const Arguments = Type.Record(Type.String(), Type.Unknown());
const step = {
  interface: Type.Union(interfaces.map((name) => Type.Literal(name))),
  step: Type.String({ minLength: 1, maxLength: 255 }),
};

const DeployStep = Type.Object({ ...step, args: Arguments, priority: Place }, { additionalProperties: false });
const RunbookStep = Type.Object({ ...step, args: Type.Optional(Arguments), order: Place }, { additionalProperties: false });
export const DeploySteps = Type.Array(DeployStep, { minItems: 1 });
export const RunbookSteps = Type.Array(RunbookStep, { minItems: 1 });

type Step = { interface: string; step: string; args: JsonObject };

/** The steps whose secrets replace asterisks, and the names of secrets. */
type Former = { readonly before?: readonly Step[]; readonly declared: ReadonlySet<string> };

/** As they are kept. Throws `badRequest` for duplicates, and for asterisks that stand for no known secret */
export function deployStepsOf(steps: Static<typeof DeploySteps>, former: Former) {
  refuseDuplicates(steps);
  return steps.map(({ priority, ...each }) => ({ ...keptStep(each, former), priority: placeOf('priority', priority) }));
}

export function runbookStepsOf(steps: Static<typeof RunbookSteps>, former: Former) {
  refuseDuplicates(steps);
  return steps.map(({ order, ...each }) => ({ ...keptStep(each, former), order: placeOf('order', order) }));
}

function keptStep(
  given: { interface: string; step: string; args?: object | undefined },
  { before = [], declared }: Former,
): Step {
  const former = before.find((each) => each.interface === given.interface && each.step === given.step);
  const args = restoreSecrets((given.args ?? {}) as JsonObject, former?.args ?? {}, declared);
  return { interface: given.interface, step: given.step, args };
}

function placeOf(name: string, value: number | string): number {
  const number = Number(value);
  if (number <= largest) return number;
  throw new Fault('badRequest', { detail: `The ${name} of a step is at most ${largest}, not ${value}.` });
}

function refuseDuplicates(steps: readonly { interface: string; step: string }[]): void {
  const groups = Map.groupBy(steps, (each) => `interface: ${each.interface}, step: ${each.step}`);
  const duplicates = [...groups].filter(([, { length }]) => length > 1).map(([name]) => name);
  if (duplicates.length === 0) return;
  const detail =
    'Deploy template invalid: Duplicate deploy steps. A template cannot have multiple deploy steps with the same ' +
    `interface and step. Duplicates: ${duplicates.join('; ')}.`;
  throw new Fault('badRequest', { detail });
}
