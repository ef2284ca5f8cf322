/**
 * The steps that a request adds to a deployment: its argument `deploy_steps`, and the deploy templates that are named like
 * the traits of the instance. What is found is kept in the operation's request, so that a restart has the same steps.
 */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { type Asking, allowedSteps, byPriority, checkSteps, type NodeOfSteps, readSteps } from './asked-steps.ts';
import type { NodeStep } from './node-steps.ts';
import { nameOf } from './node-steps.ts';

type Wanted = Pick<Asking, 'drivers' | 'settings'> & {
  /** Names of deploy templates, among others. */
  readonly traits: readonly string[];
  /** The argument `deploy_steps`. */
  readonly given?: unknown;
};

/** What is wanted of any node. */
export type DeploySteps = Pick<Wanted, 'drivers' | 'settings' | 'given'> & {
  readonly templates: readonly string[];
  readonly ofTemplates: readonly NodeStep[];
};

export async function findDeploySteps(trx: Store, { traits, ...wanted }: Wanted): Promise<DeploySteps> {
  const found = traits.length === 0 ? [] : await trx.deploy_templates.list({ name: [...traits] }, { orderBy: 'name' });
  return { ...wanted, templates: found.map(({ name }) => name), ofTemplates: found.flatMap(({ steps }) => steps) };
}

/** The steps for this node; undefined: none. @throws Fault `badRequest`, or `unsupportedByHardware`, `unsupported` */
export function deployStepsFor(node: NodeOfSteps, { drivers, settings, given, templates, ofTemplates }: DeploySteps) {
  const asking: Asking = { drivers, settings, node, use: 'deploy' };
  const ofArgument = 'Validation of deploy steps from "deploy steps" argument failed.';
  const asked = given ? readSteps({ ...asking, errorPrefix: ofArgument }, given) : [];
  const errorPrefix = `Validation of deploy steps from deploy templates matching this node's instance traits failed. Matching deploy templates: ${templates.join(',')}. Errors: `;
  const added = checkSteps({ ...asking, errorPrefix }, allowedSteps(asking, ofTemplates));
  const names = asked.map(nameOf);
  const steps = [...asked, ...added.filter((step) => !names.includes(nameOf(step)))]
    .filter(({ priority = 0 }) => priority > 0)
    .toSorted(byPriority);
  return steps.length > 0 ? steps : undefined;
}

/** Of an instance of Ironic's API. @throws Fault `badRequest` with Ironic's texts */
export function instanceTraits({ uuid, instance_info, traits }: Pick<Node, 'uuid' | 'instance_info' | 'traits'>): string[] {
  const given = instance_info['traits'];
  if (!given) return [];
  if (!Array.isArray(given) || !given.every((trait) => typeof trait === 'string'))
    throw new Fault('badRequest', {
      detail: `Error parsing traits from Node ${uuid} instance_info field. A list of strings is expected.`,
    });
  const missing = given.filter((trait) => !traits.includes(trait));
  if (missing.length === 0) return given;
  throw new Fault('badRequest', {
    detail: `Cannot specify instance traits that are not also set on the node. Node ${uuid} is missing traits ${missing.join(', ')}`,
  });
}
