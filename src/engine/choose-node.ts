/**
 * The scheduler: which machine gets a server. Pure; the engine claims the first of the ranked nodes atomically and
 * takes the next where another request was quicker.
 */
import type { Flavor, Json, Node } from '#domain/records.ts';
import { satisfies } from './choose-operators.ts';
import { type ChosenImage, type Requirements, readRequirements } from './choose-requirements.ts';

/** All that the choice looks at; of ten thousand nodes nothing else should be read. */
export const candidateColumns = [
  'id',
  'uuid',
  'name',
  'resource_class',
  'traits',
  'properties',
  'provision_state',
  'maintenance',
  'fault',
  'instance_uuid',
  'operation_id',
  'failures',
] as const satisfies readonly (keyof Node)[];
export type Candidate = Pick<Node, (typeof candidateColumns)[number]>;

export type ChoiceRequest = {
  flavor: Flavor;
  image?: ChosenImage;
  /** UUID or name of the only node that may be taken. */
  node?: string;
};

/** How many nodes were turned down for which cause; every node counts once, with the first cause found. */
export type Reasons = Record<string, number>;

/** The best fitting node, or why there is none: fewest recent failures, then the smallest, so that large machines stay free. */
export function chooseNode<N extends Candidate>(nodes: readonly N[], request: ChoiceRequest): { node: N } | { reasons: Reasons } {
  const requirements = readRequirements(request.flavor, request.image);
  const reasons: Reasons = {};
  let best: N | undefined;
  for (const node of nodes) {
    const reason = whyNotFree(node, request.node) ?? whyTooSmall(node, requirements) ?? whyUnfit(node, requirements);
    if (reason) reasons[reason] = (reasons[reason] ?? 0) + 1;
    else if (!best || byFit(node, best) < 0) best = node;
  }
  return best ? { node: best } : { reasons };
}

/** For the fault `noValidHost`: `2 in use, 1 too little memory`, the commonest first. */
export function describeReasons(reasons: Reasons): string {
  const counted = Object.entries(reasons).sort(([, left], [, right]) => right - left);
  if (counted.length === 0) return 'There are no nodes enrolled.';
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  return `Of ${total} node${total === 1 ? '' : 's'}: ${counted.map(([reason, count]) => `${count} ${reason}`).join(', ')}.`;
}

function whyNotFree(node: Candidate, wanted: string | undefined): string | undefined {
  if (wanted !== undefined && node.uuid !== wanted && node.name !== wanted) return 'not the requested node';
  if (node.instance_uuid !== null) return 'in use';
  if (node.maintenance) return 'in maintenance';
  if (node.fault !== null) return `with fault ${node.fault}`;
  if (node.provision_state !== 'available') return `in state ${node.provision_state}`;
  if (node.operation_id !== null) return 'busy with another operation';
  return undefined;
}

const sizeChecks = [
  { wanted: 'vcpus', property: 'cpus', reason: 'too few CPUs' },
  { wanted: 'memory_mb', property: 'memory_mb', reason: 'too little memory' },
  { wanted: 'local_gb', property: 'local_gb', reason: 'too little disk' },
] as const;

function whyTooSmall(node: Candidate, requirements: Requirements): string | undefined {
  for (const { wanted, property, reason } of sizeChecks) {
    if (requirements[wanted] === 0) continue;
    const value = node.properties[property];
    if (value === undefined || value === null || value === '') return `without properties/${property}`;
    if (!(Number(value) >= requirements[wanted])) return reason;
  }
  return undefined;
}

function whyUnfit(node: Candidate, requirements: Requirements): string | undefined {
  for (const [name, amount] of Object.entries(requirements.resources)) {
    // A machine is one unit of its resource class and nothing else, so two of a class fit nowhere.
    if (name !== resourceName(node.resource_class) || amount > 1) return `of another resource class than ${name}`;
  }
  for (const { name, required } of requirements.traits) {
    if (node.traits.includes(name) !== required) return required ? `without trait ${name}` : `with forbidden trait ${name}`;
  }
  return whyIncapable(node, requirements);
}

function whyIncapable(node: Candidate, requirements: Requirements): string | undefined {
  const { architecture, capabilities } = requirements;
  const actual = text(node.properties['cpu_arch']);
  if (architecture && actual && canonical(actual) !== canonical(architecture)) return `not of architecture ${architecture}`;
  for (const [name, requirement] of Object.entries(capabilities)) {
    if (!satisfies(capabilityOf(node, name), requirement)) return `without capability ${name} ${requirement}`;
  }
  return undefined;
}

/** `properties.capabilities` ("k:v,k:v") first, then the property of that name. */
function capabilityOf(node: Candidate, name: string): string | undefined {
  const listed = node.properties['capabilities'];
  if (typeof listed === 'string') {
    for (const pair of listed.split(',')) {
      const colon = pair.indexOf(':');
      if (colon > 0 && pair.slice(0, colon).trim() === name) return pair.slice(colon + 1).trim();
    }
  }
  return text(node.properties[name]);
}

/** Placement's spelling of a resource class: `baremetal.gold` → `CUSTOM_BAREMETAL_GOLD`. */
function resourceName(resourceClass: string | null): string {
  const name = (resourceClass ?? '').toUpperCase().replace(/[^A-Z0-9]/g, '_');
  return name.startsWith('CUSTOM_') ? name : `CUSTOM_${name}`;
}

const architectureAliases: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  'x86-64': 'x86_64',
  arm64: 'aarch64',
  i386: 'i686',
  x86: 'i686',
};

function canonical(architecture: string): string {
  const name = architecture.toLowerCase();
  return architectureAliases[name] ?? name;
}

function text(value: Json | undefined): string | undefined {
  return value === undefined || value === null || typeof value === 'object' ? undefined : String(value);
}

function byFit(left: Candidate, right: Candidate): number {
  const size = (node: Candidate, property: string) => Number(node.properties[property] ?? 0) || 0;
  return (
    left.failures - right.failures ||
    size(left, 'memory_mb') - size(right, 'memory_mb') ||
    size(left, 'cpus') - size(right, 'cpus') ||
    size(left, 'local_gb') - size(right, 'local_gb') ||
    left.id - right.id
  );
}
