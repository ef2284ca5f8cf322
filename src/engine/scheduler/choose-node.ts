/**
 * The scheduler: chooses a node for a server. The database finds free nodes that are large enough, best first; checks
 * that need code (capabilities, driver support for the image) run on them one by one.
 */
import { parseRootDevice } from '#agent-protocol/root-device.ts';
import { canonicalArchitecture } from '#domain/architectures.ts';
import { asFault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import type { CandidateNeeds, Reasons } from '#store/candidate-rules.ts';
import type { Store } from '#store/store.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { Candidate } from '#store/tables/nodes.ts';
import { nodesUpdating } from '../power/firmware-updates.ts';
import { satisfies } from './choose-operators.ts';
import { type ChosenImage, type MadeFor, type Requirements, readRequirements } from './choose-requirements.ts';

export type ChoiceRequest = {
  flavor: Flavor;
  image?: ChosenImage;
  /** UUID or name of the only acceptable node. */
  node?: string;
  /** UUIDs of nodes that are not acceptable: tried before. */
  except?: readonly string[];
  /** Number of NICs the server needs. */
  nics?: number;
  /** Throws the fault if this driver and deploy interface cannot deploy the request. */
  checkDriver?(node: Candidate): void;
};

/** The best fitting node, or why there is none. Must run in the transaction that claims the node. */
export async function chooseNode(trx: Store, request: ChoiceRequest): Promise<{ uuid: string } | { reasons: Reasons }> {
  const requirements = readRequirements(request.flavor, request.image);
  const needs = { ...needsOf(request, requirements), updating: await nodesUpdating(trx) };
  const whyUndeployable = driverJudge(request);
  const unfit: Reasons = {};
  for await (const node of trx.nodes.candidates(needs)) {
    const reason = whyIncapable(node, requirements) ?? whyUndeployable(node);
    if (reason === undefined) return { uuid: node.uuid };
    unfit[reason] = (unfit[reason] ?? 0) + 1;
  }
  return { reasons: { ...(await trx.nodes.countReasons(needs)), ...unfit } };
}

/** For the fault `noValidHost`: `2 in use, 1 too little memory`, the most frequent first. */
export function describeReasons(reasons: Reasons): string {
  const counted = Object.entries(reasons).sort(([, left], [, right]) => right - left);
  if (counted.length === 0) return 'No nodes are enrolled.';
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  return `Of ${total} node${total === 1 ? '' : 's'}: ${counted.map(([reason, count]) => `${count} ${reason}`).join(', ')}.`;
}

function needsOf({ node, except, nics = 0 }: ChoiceRequest, requirements: Requirements): Omit<CandidateNeeds, 'updating'> {
  const { vcpus, memory_mb, local_gb, resources, traits } = requirements;
  return { node, except, nics, sizes: { cpus: vcpus, memory_mb, local_gb }, resources, traits };
}

/** What the check reads of a node. */
const judged = [
  'driver',
  'deploy_interface',
  'bios_interface',
  'firmware_interface',
  'management_interface',
  'raid_interface',
  'disable_power_off',
  'must_clean',
] as const;

/** Nodes share few drivers, so each combination is checked once. */
function driverJudge({ checkDriver }: ChoiceRequest): (node: Candidate) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (node) => {
    const key = judged.map((field) => node[field]).join(' ');
    if (!known.has(key))
      known.set(
        key,
        refusalOf(() => checkDriver?.(node)),
      );
    return known.get(key);
  };
}

function refusalOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    const fault = asFault(error);
    if (fault.code === 'internal') throw error;
    return `whose driver refuses: ${fault.message.replace(/\.$/, '')}`;
  }
}

function whyIncapable(node: Candidate, requirements: Requirements): string | undefined {
  if (!hasUsableHints(node)) return 'with root device hints that cannot be used';
  const unfit = whyNotMadeFor(node, requirements.made_for);
  if (unfit) return unfit;
  for (const [name, requirement] of Object.entries(requirements.capabilities)) {
    if (!satisfies(capabilityOf(node, name), requirement)) return `without capability ${name} ${requirement}`;
  }
  return undefined;
}

/** As Nova's Ironic driver describes a node: its architecture, `baremetal`, and `hvm`. Also checked at rebuilds. */
export function whyNotMadeFor({ properties }: Pick<Candidate, 'properties'>, made_for: MadeFor): string | undefined {
  const { architecture, hypervisor_type, vm_mode } = made_for;
  const actual = text(properties['cpu_arch']);
  if (architecture && actual && canonicalArchitecture(actual) !== canonicalArchitecture(architecture))
    return `not of architecture ${architecture}`;
  if (hypervisor_type && hypervisor_type.toLowerCase() !== 'baremetal') return `not of hypervisor type ${hypervisor_type}`;
  if (vm_mode && !nativeModes.includes(vm_mode.toLowerCase())) return `not of VM mode ${vm_mode}`;
  return undefined;
}

/** VMMode.canonicalize maps all of these to `hvm`. */
const nativeModes = ['hvm', 'hv', 'baremetal'];

/** With invalid root device hints the target disk would be a guess. */
function hasUsableHints(node: Candidate): boolean {
  try {
    parseRootDevice(node.properties['root_device']);
    return true;
  } catch {
    return false;
  }
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

function text(value: Json | undefined): string | undefined {
  return value === undefined || value === null || typeof value === 'object' ? undefined : String(value);
}
