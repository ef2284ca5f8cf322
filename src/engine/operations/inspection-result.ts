/**
 * What an inspection changes: the properties that the scheduler uses, ports, and what the inspection rules say. It is
 * worked out twice: by a step, whose failure is that of the inspection, and again where it is written.
 */
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '#domain/faults.ts';
import { applyRules } from '#domain/inspection-rules/apply-rules.ts';
import { RuleFailure } from '#domain/inspection-rules/budget.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import { faultOfSize } from '#domain/json-size.ts';
import { nodeFlags, nodeTexts, textRow } from '#domain/node-fields.ts';
import { complaintOfName, nodeNamePattern } from '#domain/node-names.ts';
import { longestTrait, mostTraits, traitPattern } from '#domain/traits.ts';
import { rootDeviceOf } from '#drivers/root-device.ts';
import type { Store } from '#store/store.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';
import { type Report, reportOfAgent, reportOfBmc } from '../nodes/inspection-report.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { portsToAdd, portsToRemove } from './inspected-ports.ts';

const bags = ['properties', 'extra', 'instance_info', 'driver_info'] as const;
/** What rules may change. The parent and the chassis of a node are no facts of its machine. */
const nodeAttributes = [
  ...nodeTexts.filter((name) => name !== 'parent_node' && name !== 'chassis_uuid'),
  ...nodeFlags,
  ...bags,
  'traits',
] as const;
const portBags = ['extra', 'local_link_connection'] as const;
const portTexts = ['description', 'vendor', 'category', 'physical_network'] as const;
const portAttributes = [...portTexts, ...portBags, 'pxe_enabled'] as const;
/** What values of rules can name, beside what they may change. */
const shownAttributes = ['uuid', 'driver', 'provision_state', 'power_state', 'instance_uuid', 'maintenance'] as const;

const largestBag = 256 * 1024;
const namePattern = new RegExp(nodeNamePattern);
const longestPortText = 255;

type PortChange = { readonly uuid: string; readonly changes: Partial<NodePort> };
type Inspection = {
  readonly node: Partial<Node>;
  readonly ports: readonly PortChange[];
  readonly added: readonly Omit<NodePort, 'id'>[];
  readonly removed: readonly NodePort[];
  /** What rules log. */
  readonly messages: readonly string[];
};

/** Who has reported the hardware. */
export type Reporter = 'agent' | 'bmc';
type Parts = Pick<OperationParts, 'settings' | 'builtInRules'> & { readonly store: Store };

/**
 * Throws `inspectionRule` if a rule says that the machine is not as it should be, or cannot be applied, and
 * `inspectionIncomplete` if a BMC does not report what the scheduler needs.
 */
export async function resultOfInspection(
  { store, settings, builtInRules }: Parts,
  node: Node,
  by: Reporter,
): Promise<Inspection> {
  const report = by === 'bmc' ? reportOfBmc(node) : reportOfAgent(node);
  const properties = propertiesOf(node, report);
  // The API shows the last inspection's report.
  const former = by === 'bmc' ? {} : { found_hardware: null };
  if (!report) return { node: { ...former, properties }, ports: [], added: [], removed: [], messages: [] };
  const ports = await store.node_ports.list({ node_uuid: node.uuid });
  const found = { node, report, ports };
  const removed = portsToRemove(found, settings);
  const added = await portsToAdd(store, found, settings);
  const kept = ports.filter((port) => !removed.includes(port));
  const ruled = await applied({ store, builtInRules }, { node: { ...node, properties }, ports: kept, report });
  const changes = { ...former, properties, plugin_data: by === 'bmc' ? report.plugin_data : null, ...ruled.node };
  if (by === 'bmc') refuseIncomplete({ ...node, ...changes });
  return { ...ruled, node: changes, added, removed };
}

/** What an operator has given stays, except that a boot mode joins the other capabilities. */
function propertiesOf({ properties }: Node, report: Report | undefined): JsonObject {
  const { capabilities, ...found } = report?.properties() ?? {};
  return { ...found, ...properties, ...(capabilities !== undefined && { capabilities }) };
}

const needed = ['cpu_arch', 'memory_mb'] as const;

/** As in Ironic; a machine without a disk has no `local_gb` here. */
function refuseIncomplete({ name, uuid, properties }: Pick<Node, 'name' | 'uuid' | 'properties'>): void {
  const missing = needed.filter((key) => properties[key] === undefined || properties[key] === null || properties[key] === '');
  if (missing.length > 0) throw new Fault('inspectionIncomplete', { node: name ?? uuid, what: missing.join(', ') });
}

type Inspected = { readonly node: Node; readonly ports: readonly NodePort[]; readonly report: Report };

/** What the inspection rules change. */
async function applied(
  { store, builtInRules }: Pick<Parts, 'store' | 'builtInRules'>,
  { node, ports, report }: Inspected,
): Promise<Pick<Inspection, 'node' | 'ports' | 'messages'>> {
  const ofApi = await store.inspection_rules.list({ phase: 'main' }, { orderBy: 'created_at' });
  const rules = [...ofApi, ...builtInRules];
  if (rules.length === 0) return { node: {}, ports: [], messages: [] };
  try {
    const inspected = draftOf(node, ports, report);
    applyRules(rules, inspected);
    const changes = changesOf(node, nodeAttributes, inspected.node) as Partial<Node>;
    await checkNode(store, { ...node, ...changes }, changes);
    const isSame = isDeepStrictEqual(report.plugin_data, inspected.plugin_data);
    const changed = ports.map((port, index) => ({
      uuid: port.uuid,
      changes: checkedPort(changesOf(port, portAttributes, inspected.ports[index] as JsonObject) as Partial<NodePort>),
    }));
    return {
      node: { ...changes, ...(!isSame && { plugin_data: sized('plugin_data', inspected.plugin_data) }) },
      ports: changed.filter(({ changes: each }) => Object.keys(each).length > 0),
      messages: inspected.messages.map((message) => message.slice(0, 1000)).slice(0, 100),
    };
  } catch (error) {
    if (error instanceof RuleFailure) throw new Fault('inspectionRule', { detail: error.message.slice(0, 1000) }, error);
    throw error;
  }
}

function picked(record: object, names: readonly string[]): JsonObject {
  const entries = Object.entries(record).filter(([name]) => names.includes(name));
  return structuredClone(Object.fromEntries(entries)) as JsonObject;
}

function draftOf(node: Node, ports: readonly NodePort[], { inventory, plugin_data }: Report) {
  return {
    node: picked(node, nodeAttributes),
    ports: ports.map((port) => picked(port, ['uuid', ...portAttributes])),
    plugin_data: structuredClone(plugin_data),
    inventory: structuredClone(inventory),
    shown: picked(node, shownAttributes),
    messages: [] as string[],
  };
}

function changesOf(before: object, names: readonly string[], after: JsonObject): JsonObject {
  const former = picked(before, names);
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => !isDeepStrictEqual(value, former[name])));
}

async function checkNode(store: Store, node: Node, changes: Partial<Node>): Promise<void> {
  for (const name of nodeTexts) if (name in changes) checkText(name, changes[name], textRow(name).maximum);
  for (const name of nodeFlags) if (name in changes) checkFlag(name, changes[name]);
  for (const name of bags) if (name in changes) sized(name, changes[name]);
  if (changes.traits) checkTraits(changes.traits);
  if (typeof changes.name === 'string') await checkName(store, node, changes.name);
  try {
    rootDeviceOf(node);
  } catch (error) {
    throw new RuleFailure((error as Error).message);
  }
}

function checkText(name: string, value: unknown, maximum: number): void {
  if (value === null || (typeof value === 'string' && value.length <= maximum)) return;
  throw new RuleFailure(`'${name}' is a text of at most ${maximum} characters`);
}

function checkFlag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new RuleFailure(`'${name}' is true or false`);
}

function sized(name: string, value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RuleFailure(`'${name}' is an object`);
  if (faultOfSize(value) || JSON.stringify(value).length > largestBag) throw new RuleFailure(`'${name}' becomes too large`);
  return value as JsonObject;
}

function checkTraits(traits: readonly Json[]): void {
  const pattern = new RegExp(traitPattern);
  const odd = traits.find((trait) => typeof trait !== 'string' || trait.length > longestTrait || !pattern.test(trait));
  if (odd !== undefined) throw new RuleFailure(`${String(odd).slice(0, 100)} is not a trait`);
  if (traits.length > mostTraits) throw new RuleFailure(`A node has at most ${mostTraits} traits`);
}

async function checkName(store: Store, { uuid }: Node, name: string): Promise<void> {
  if (name === '' || !namePattern.test(name)) throw new RuleFailure(`'${name.slice(0, 100)}' is not a name of a node`);
  const complaint = complaintOfName('node', name);
  if (complaint) throw new RuleFailure(complaint);
  const other = await store.nodes.find({ name });
  if (other && other.uuid !== uuid) throw new RuleFailure(`A node with the name ${name} already exists`);
}

function checkedPort(changes: Partial<NodePort>): Partial<NodePort> {
  for (const name of portTexts) if (name in changes) checkText(name, changes[name], longestPortText);
  for (const name of portBags) if (name in changes) sized(name, changes[name]);
  if ('pxe_enabled' in changes) checkFlag('pxe_enabled', changes.pxe_enabled);
  return changes;
}
