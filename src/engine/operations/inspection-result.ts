/**
 * What an inspection changes: the properties that the scheduler uses, ports, and what the inspection rules say. It is
 * worked out twice: by a step, whose failure is that of the inspection, and again where it is written.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Value } from 'typebox/value';
import { Inventory } from '#agent-protocol/messages.ts';
import { mismatch } from '#agent-protocol/root-device.ts';
import { Fault } from '#domain/faults.ts';
import { applyRules } from '#domain/inspection-rules/apply-rules.ts';
import { RuleFailure } from '#domain/inspection-rules/budget.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import { faultOfSize } from '#domain/json-size.ts';
import { nodeFlags, nodeTexts, textRow } from '#domain/node-fields.ts';
import { complaintOfName, nodeNamePattern } from '#domain/node-names.ts';
import { plainJson } from '#domain/plain-text.ts';
import { longestTrait, mostTraits, traitPattern } from '#domain/traits.ts';
import { rootDeviceOf } from '#drivers/root-device.ts';
import type { Store } from '#store/store.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';
import { shownInventory, summaryOf } from '../nodes/shown-inventory.ts';
import { isUsableProperty } from '../scheduler/node-properties.ts';

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
  readonly found: readonly Omit<NodePort, 'id'>[];
  /** What rules log. */
  readonly messages: readonly string[];
};

/** Throws `inspectionRule` if a rule says that the machine is not as it should be, or cannot be applied. */
export async function resultOfInspection(store: Store, node: Node): Promise<Inspection> {
  const properties = { ...foundProperties(node), ...node.properties };
  const { inventory } = node;
  if (!Value.Check(Inventory, inventory)) return { node: { properties }, ports: [], found: [], messages: [] };
  const ports = await store.node_ports.list({ node_uuid: node.uuid });
  const found = ports.some((port) => inventory.nics.some(({ mac }) => mac.toLowerCase() === port.address))
    ? []
    : await missingPorts(store, node, inventory);
  const rules = await store.inspection_rules.list({ phase: 'main' }, { orderBy: 'created_at' });
  if (rules.length === 0) return { node: { properties }, ports: [], found, messages: [] };
  try {
    const inspected = draftOf({ ...node, properties }, ports, inventory);
    const summary = structuredClone(inspected.plugin_data);
    applyRules(rules, inspected);
    const changes = changesOf(node, nodeAttributes, inspected.node) as Partial<Node>;
    await checkNode(store, { ...node, ...changes }, changes);
    const plugin_data = isDeepStrictEqual(summary, inspected.plugin_data) ? null : sized('plugin_data', inspected.plugin_data);
    const changed = ports.map((port, index) => ({
      uuid: port.uuid,
      changes: checkedPort(changesOf(port, portAttributes, inspected.ports[index] as JsonObject) as Partial<NodePort>),
    }));
    return {
      node: { properties, ...changes, plugin_data },
      ports: changed.filter(({ changes: each }) => Object.keys(each).length > 0),
      found,
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

function draftOf(node: Node, ports: readonly NodePort[], inventory: Inventory) {
  const shown = plainJson(inventory as unknown as JsonObject) as unknown as Inventory;
  return {
    node: picked(node, nodeAttributes),
    ports: ports.map((port) => picked(port, ['uuid', ...portAttributes])),
    plugin_data: summaryOf(shown),
    inventory: shownInventory(shown) as unknown as JsonObject,
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

/**
 * A machine that booted from one of the node's ports has the ports that it needs, as with Ironic's `add_ports = pxe`. For
 * another, each NIC gets one that is not another node's.
 */
async function missingPorts(store: Store, { uuid: node_uuid }: Node, { nics }: Inventory): Promise<Omit<NodePort, 'id'>[]> {
  const addresses = [...new Set(nics.map(({ mac }) => mac.toLowerCase()))].filter((mac) =>
    /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac),
  );
  const taken = await store.node_ports.list({ address: addresses });
  const now = new Date().toISOString();
  return addresses
    .filter((address) => !taken.some((port) => port.address === address))
    .map((address) => ({
      ...{ uuid: randomUUID(), node_uuid, address, name: null, description: null, vendor: null, category: null },
      ...{ pxe_enabled: true, local_link_connection: {}, extra: {}, portgroup_uuid: null, physical_network: null },
      ...{ available_for_dynamic_portgroup: true, vif_port_id: null, created_at: now, updated_at: now },
    }));
}

/**
 * From the agent's report, which is kept as the node's inventory when it says hello. What the scheduler could not read
 * is left out, so that a machine that reports nonsense does not make its node unusable.
 */
function foundProperties(node: Pick<Node, 'name' | 'uuid' | 'properties' | 'inventory'>): JsonObject {
  const { inventory } = node;
  if (!Value.Check(Inventory, inventory)) return {};
  const { cpu, memory_bytes } = inventory;
  const local_gb = localGb(node, inventory);
  const found: JsonObject = {
    cpus: Math.floor(cpu.count),
    cpu_arch: cpu.architecture,
    memory_mb: Math.floor(memory_bytes / 2 ** 20),
    ...(local_gb > 0 && { local_gb }),
  };
  return Object.fromEntries(Object.entries(found).filter(([name, value]) => isUsableProperty(name, value)));
}

/**
 * GiB of the disk that a deployment would choose, less one for partitioning, as in Ironic. 0 if there is no such disk,
 * which is not written: as a property it is the operator's word that nothing has to be erased (known-disks.ts).
 */
function localGb(node: Pick<Node, 'name' | 'uuid' | 'properties'>, { disks }: Inventory): number {
  const hints = rootDeviceOf(node);
  const fitting = disks.filter(({ device, size_bytes, removable, ...facts }) => {
    return !removable && mismatch({ ...facts, name: device, size: size_bytes / 2 ** 30 }, hints) === undefined;
  });
  const smallest = Math.min(...fitting.map(({ size_bytes }) => size_bytes));
  return Number.isFinite(smallest) ? Math.max(Math.floor(smallest / 2 ** 30) - 1, 0) : 0;
}
