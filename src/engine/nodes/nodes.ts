/** Operator requests for nodes. */
import { randomUUID } from 'node:crypto';
import { asFault, Fault } from '#domain/faults.ts';
import { fieldOf, interfaceKinds, type NodeInterfaces, perField } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import { flagsOf, textsOf } from '#domain/node-fields.ts';
import type { Drivers, HardwareType, Interface, NodeFacts } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Consoles } from '../consoles/consoles.ts';
import type { BootPublisher, ChangesOf, NewNode, NodeChanges, NodeVerbs, ServerVerbs } from '../contract.ts';
import { checkNodePriorities } from '../operations/automatic-steps.ts';
import { checkNodeRunbook } from '../operations/cleaning-steps.ts';
import { readInstanceInfo } from '../operations/instance-info.ts';
import { type PowerRequest, power } from '../operations/power.ts';
import { checkRaidConfig } from '../operations/raid-choice.ts';
import { bmcDeadline } from '../power/bmc-deadline.ts';
import { type BmcHealth, isOutByFailure } from '../power/bmc-health.ts';
import { unknownBootState } from '../power/boot-states.ts';
import { refusePowerUnderChildren } from '../power/family-power.ts';
import { endUpdates, refuseWhileUpdating, type UpdateWatch } from '../power/firmware-updates.ts';
import { confirmPower } from '../power/manual-power.ts';
import { expectRestart, refuseOff } from '../power/never-off.ts';
import { recordBmcCommand } from '../power/power.ts';
import { checkPowerPolicy } from '../power/power-policy.ts';
import type { PowerStateSync } from '../power/power-state-sync.ts';
import { checkNodeProperties, refuseOddSizes } from '../scheduler/node-properties.ts';
import { releaseHeld } from '../servers/held-addresses.ts';
import { attachPort, detachPort, vifsOf } from '../servers/server-network.ts';
import { serverOn } from '../servers/server-on-node.ts';
import type { EngineSettings } from '../settings.ts';
import { newOperation } from '../worker/define-operation.ts';
import { checkDeployRamdisk } from '../worker/deploy-ramdisk.ts';
import { interfaceOf, loadNode } from '../worker/task.ts';
import type { Worker } from '../worker/worker.ts';
import { allocationVerbs } from './allocations.ts';
import { refuseWhileBusy } from './busy-node.ts';
import { checkChanges, refuseInTransition, refuseRetirement } from './change-rules.ts';
import { deleteNode } from './delete-node.ts';
import { claimEndpoints } from './endpoints.ts';
import { findNode } from './find-node.ts';
import { nodeLockVerbs } from './node-locks.ts';
import { nodePortVerbs } from './node-ports.ts';
import { portGroupVerbs } from './port-groups.ts';
import { setProvisionState } from './provision-verbs.ts';
import { refuseLocked } from './refuse-locked.ts';

type Parts = {
  store: Store;
  drivers: Drivers;
  worker: Worker;
  settings: EngineSettings;
  bmcHealth: BmcHealth;
  powerSync: Pick<PowerStateSync, 'pollNow' | 'restartPoll'>;
  consoles: Consoles;
  boot: Pick<BootPublisher, 'withdraw'>;
  deleteServer: ServerVerbs['deleteServer'];
  updates: Pick<UpdateWatch, 'settle'>;
};

export function nodeVerbs(parts: Parts): NodeVerbs {
  const { store, drivers } = parts;
  return {
    createNode: (request) => createNode(parts, request),
    updateNode: (uuid, changes) => updateNode(parts, uuid, changes),
    async deleteNode(uuid) {
      await parts.updates.settle(await findNode(store, uuid), 'BMC');
      await deleteNode(parts, uuid);
      await parts.bmcHealth.forget(uuid);
      await parts.consoles.remove(uuid);
      // An instance that boots from the network, or has its address by DHCP, has one.
      await parts.boot.withdraw(uuid);
    },
    setProvisionState: (uuid, name, options = {}) => setProvisionState(parts, uuid, { name, options }),
    setPower: (uuid, target) => setPower(parts, uuid, target),
    async confirmPower(uuid, state) {
      const { node } = await loadNode(store, uuid);
      const operation = await confirmPower(store, { node, power: interfaceOf(drivers.power, node.power_interface) }, state);
      if (operation) parts.worker.wake(operation);
    },
    async setMaintenance(uuid, on, reason) {
      await setMaintenance(parts, uuid, { on, reason });
      if (!on) parts.powerSync.pollNow(uuid);
    },
    async setBootDevice(uuid, device, options) {
      const { node, facts } = await loadNode(store, uuid);
      await refuseWhileBusy(store, node);
      const management = interfaceOf(drivers.management, node.management_interface);
      if (!management.bootDevices.includes(device)) {
        const known = management.bootDevices.join(', ');
        throw new Fault('badRequest', { detail: `Invalid boot device ${device} specified; this hardware has: ${known}.` });
      }
      const context = { store, node: facts, signal: bmcDeadline(node, 120_000) };
      await recordBmcCommand(context, `boot device ${device}`, () =>
        management.setBootDevice(facts, device, options, { signal: context.signal }),
      );
    },
    async getBootDevice(uuid) {
      const { node, facts } = await loadNode(store, uuid);
      return interfaceOf(drivers.management, node.management_interface).getBootDevice(facts);
    },
    validateNode: (uuid) => validateNode(parts, uuid),
    setTargetRaid: (uuid, config) => setTargetRaid(parts, uuid, config),
    vifsOf: (uuid) => vifsOf(store, uuid),
    attachVif: (uuid, vif) => changeVifs(store, uuid, (trx) => attachPort(trx, uuid, vif)),
    detachVif: (uuid, id) => changeVifs(store, uuid, (trx) => detachPort(trx, uuid, id)),
    ...nodePortVerbs(store),
    ...portGroupVerbs(store),
    ...allocationVerbs(store),
    ...nodeLockVerbs(store),
    releaseAddress: async (node_uuid, ip_address, by) =>
      (await releaseHeld(store, { node_uuid, ip_address }, `released by ${by}`)) > 0,
    endFirmwareUpdates: (node_uuid, by) => endUpdates(store, { node_uuid }, `as ${by} says`),
    consoleLog: (uuid, lines) => parts.consoles.log(uuid, lines),
    async setConsole(uuid, enabled) {
      await refuseLocked(store, uuid, ['all']);
      await parts.consoles.setEnabled(uuid, enabled);
    },
    checkConsole: (uuid) => parts.consoles.check(uuid),
    attachConsole: (uuid, server) => parts.consoles.attach(uuid, server),
  };
}

/** A server's own ports follow the server. */
function changeVifs(store: Store, uuid: string, change: (trx: Store) => Promise<void>): Promise<void> {
  return store.transaction(async (trx) => {
    const node = await findNode(trx, uuid);
    await refuseWhileBusy(trx, node);
    const server = await serverOn(trx, node);
    if (server)
      throw new Fault('conflict', {
        detail: `Node ${node.name ?? uuid} is associated with instance ${server.id}. Use the compute API.`,
      });
    await change(trx);
  });
}

/** Each interface is the requested one, which the hardware type must allow, or the type's default (its first). */
function chooseInterfaces(type: HardwareType, wanted: Partial<NodeInterfaces>): NodeInterfaces {
  return perField((kind) => {
    const name = wanted[fieldOf(kind)] || type[kind][0];
    if (name && type[kind].includes(name)) return name;
    throw new Fault('badRequest', {
      detail: `Could not find the ${kind} interface '${name}' for hardware type ${type.name}; it has: ${type[kind].join(', ')}`,
    });
  });
}

function hardwareType(drivers: Drivers, name: string): HardwareType {
  const type = Object.hasOwn(drivers.hardwareTypes, name) ? drivers.hardwareTypes[name] : undefined;
  if (type) return type;
  const known = Object.keys(drivers.hardwareTypes).join(', ');
  const reason = `No conductor service registered which supports driver ${name}. Known: ${known}`;
  throw new Fault('badRequest', { detail: `No valid host was found. Reason: ${reason}` });
}

async function createNode({ store, drivers }: Parts, request: NewNode): Promise<Node> {
  const now = new Date().toISOString();
  const interfaces = chooseInterfaces(hardwareType(drivers, request.driver), request);
  const record: Omit<Node, 'id'> = {
    uuid: request.uuid ?? randomUUID(),
    ...textsOf(request),
    ...flagsOf(request),
    driver: request.driver,
    ...interfaces,
    driver_info: request.driver_info ?? {},
    properties: request.properties ?? {},
    extra: request.extra ?? {},
    instance_info: request.instance_info ?? {},
    traits: request.traits ?? [],
    raid_config: {},
    target_raid_config: {},
    provision_state: request.provision_state ?? 'enroll',
    target_provision_state: null,
    revision: 0,
    power_state: null,
    target_power_state: null,
    maintenance: request.maintenance ?? false,
    maintenance_reason: null,
    fault: null,
    last_error: null,
    instance_uuid: null,
    allocation_uuid: null,
    operation_id: null,
    failures: 0,
    must_clean: false,
    console_enabled: false,
    ...unknownBootState,
    system_uuid: null,
    inventory: null,
    health: null,
    found_hardware: null,
    plugin_data: null,
    inspection_started_at: null,
    inspection_finished_at: null,
    machine_uuid: null,
    machine_serial: null,
    known_disks: null,
    automatic_lessee: null,
    created_at: now,
    updated_at: now,
    provision_updated_at: null,
  };
  refuseOddSizes(record);
  if (record.retired) refuseRetirement(record);
  checkNodePriorities(record.driver_info);
  checkNodeRunbook(record.driver_info);
  return store.transaction(async (trx) => {
    if (record.name && (await trx.nodes.find({ name: record.name }))) {
      throw new Fault('conflict', { detail: `A node with name ${record.name} already exists.` });
    }
    if (await trx.nodes.find({ uuid: record.uuid }))
      throw new Fault('conflict', { detail: `A node with UUID ${record.uuid} already exists.` });
    await checkParent(trx, record);
    const node = await trx.nodes.insert(record);
    await claimEndpoints(trx, drivers, node);
    return node;
  });
}

/** The current values are read in the transaction that writes the change, so that concurrent changes are not lost. */
async function updateNode(parts: Parts, uuid: string, wanted: NodeChanges | ChangesOf): Promise<void> {
  const { store, drivers } = parts;
  const changes = await store.transaction(async (trx) => {
    const node = await findNode(trx, uuid);
    const changes = typeof wanted === 'function' ? await wanted(node, trx) : wanted;
    if (Object.keys(changes).some((name) => name !== 'maintenance')) {
      refuseInTransition(node);
      await refuseWhileBusy(trx, node);
    } else await refuseLocked(trx, uuid, ['all']);
    if (changes.driver_info) checkNodePriorities(changes.driver_info);
    if (changes.driver_info) checkNodeRunbook(changes.driver_info);
    if (changes.properties) refuseOddSizes({ uuid, properties: changes.properties });
    const driver = changes.driver ?? node.driver;
    // A new hardware type resets interfaces to its defaults, unless they are requested again.
    const former = driver === node.driver ? node : {};
    const interfaces = chooseInterfaces(hardwareType(drivers, driver), { ...former, ...changes });
    const twin = changes.name && (await trx.nodes.find({ name: changes.name }));
    if (twin && twin.uuid !== uuid) throw new Fault('conflict', { detail: `A node with name ${changes.name} already exists.` });
    if (changes.instance_uuid !== undefined) await checkInstance(trx, node, changes.instance_uuid);
    if (changes.parent_node) await checkParent(trx, { ...node, parent_node: changes.parent_node });
    const brought = await checkChanges(trx, node, changes);
    // Other settings may lead to another machine, about which nothing is known.
    const isOther = changes.driver_info || changes.driver || changes.management_interface;
    const boot = isOther ? { ...unknownBootState, system_uuid: null } : {};
    const ended = node.maintenance && changes.maintenance === false ? { maintenance_reason: null, fault: null } : {};
    const own = changes.maintenance === true ? ownMaintenance(node) : {};
    const others = Object.entries(interfaces).filter(([field, value]) => node[field as keyof Node] !== value);
    // A change to the default names no interface; the chosen one is written.
    const settings = Object.entries(changes).filter(([name]) => !Object.hasOwn(interfaces, name));
    const fields = Object.fromEntries([...settings, ...others]);
    const patch = { ...fields, ...brought, ...boot, ...ended, ...own, updated_at: new Date().toISOString() };
    await trx.nodes.update({ uuid }, patch);
    if (endpointFields.some((field) => changes[field] !== undefined))
      await claimEndpoints(trx, drivers, { uuid, isMoved: changes.parent_node !== undefined });
    return changes;
  });
  await noteSettings(parts, uuid, changes);
}

/**
 * Of these depends by which endpoints the node is controlled, and whether it may have them: one that is in maintenance
 * because it is the machine of another node must not leave it.
 */
const endpointFields = [
  ...(['driver', 'driver_info', 'power_interface', 'management_interface', 'parent_node', 'maintenance'] as const),
] as const;

async function noteSettings({ bmcHealth, powerSync, consoles }: Parts, uuid: string, changes: NodeChanges): Promise<void> {
  if (changes.maintenance === false) powerSync.pollNow(uuid);
  // With other BMC settings, what was learned with the former ones is invalid.
  if (changes.driver_info || changes.driver || changes.power_interface) {
    await bmcHealth.forget(uuid);
    powerSync.restartPoll(uuid);
  }
  if (changes.driver_info || changes.driver || changes.console_interface) await consoles.reopen(uuid);
}

/** Texts are those of Ironic's `NodeAssociated` and `InstanceAssociated`. */
async function checkInstance(trx: Store, node: Node, instance_uuid: string | null): Promise<void> {
  const { uuid, instance_uuid: former } = node;
  const refuse = (detail: string) => new Fault('conflict', { detail });
  if (former !== null && (instance_uuid !== null || (await serverOn(trx, node))))
    throw refuse(`Node ${uuid} is associated with instance ${former}.`);
  if (instance_uuid === null) return;
  const [other] = await trx.nodes.pick(['uuid'], { instance_uuid });
  if (other || (await trx.servers.find({ id: instance_uuid })))
    throw refuse(
      `Instance ${instance_uuid} is already associated with a node, it cannot be associated with this other node ${uuid}`,
    );
}

/** Child nodes are one level deep: a child has no children. A node with a server cannot become a child. */
async function checkParent(trx: Store, node: Omit<Node, 'id'>): Promise<void> {
  const { uuid, parent_node } = node;
  if (!parent_node) return;
  const refuse = (detail: string) => new Fault('badRequest', { detail });
  if (parent_node === uuid) throw refuse('A node cannot be its own parent_node.');
  const parent = await trx.nodes.find({ uuid: parent_node });
  if (!parent) throw refuse(`There is no node ${parent_node} to be the parent_node.`);
  if (parent.parent_node)
    throw refuse(`Node ${parent.name ?? parent.uuid} is a child node itself; child nodes cannot have children.`);
  const [part] = await trx.nodes.list({ parent_node: uuid }, { limit: 1 });
  if (part) throw refuse(`Node ${node.name ?? uuid} has child nodes, so it cannot become one.`);
  if (node.instance_uuid)
    throw new Fault('conflict', { detail: `Node ${node.name ?? uuid} has a server, so it cannot become a child node.` });
}

async function setPower(
  { store, worker, settings, updates }: Parts,
  uuid: string,
  target: PowerRequest['target'],
): Promise<void> {
  // A machine that is on stays so, and one that is off is switched when its update has ended.
  const mayCut = target !== 'power on';
  if (mayCut) await updates.settle(await findNode(store, uuid), target);
  const operation = await store.transaction(async (trx) => {
    const node = await findNode(trx, uuid);
    refuseOff(node, target);
    if (mayCut) await refuseWhileUpdating(trx, node, target);
    await refusePowerUnderChildren(trx, settings, { node, target });
    const target_power_state = power.leadsToPower?.({ target }) ?? null;
    await trx.nodes.update({ uuid }, { target_power_state });
    const purpose = `${target} of node ${node.name ?? uuid}`;
    // With the server in the operation, a deletion of the server aborts it instead of being rejected.
    const about = { purpose, node_uuid: uuid, server_id: (await serverOn(trx, node))?.id ?? null };
    return worker.begin(trx, newOperation(power, { ...about, request: { target } }));
  });
  worker.launch(operation);
}

type Maintenance = { on: boolean; reason?: string };

/** A node that is in maintenance because it is the machine of another one does not leave it. */
async function setMaintenance({ store, drivers }: Parts, uuid: string, { on, reason }: Maintenance): Promise<void> {
  await store.transaction(async (trx) => {
    const node = await findNode(trx, uuid);
    await refuseLocked(trx, uuid, ['all']);
    const patch = on
      ? { maintenance_reason: reason ?? null, ...ownMaintenance(node) }
      : { maintenance_reason: null, fault: null };
    await trx.nodes.update({ uuid }, { maintenance: on, ...patch, updated_at: new Date().toISOString() });
    if (!on) await claimEndpoints(trx, drivers, { uuid });
  });
}

/** What an operator sets does not end when the BMC responds, as that of a power failure does. */
function ownMaintenance(node: Node): Partial<Node> {
  return isOutByFailure(node) ? { fault: null } : {};
}

async function validateNode(
  { store, drivers }: Parts,
  uuid: string,
): Promise<Record<string, { result: boolean; reason?: string }>> {
  const { node, facts } = await loadNode(store, uuid);
  // A server has its own record of what is deployed, and a simulated interface needs no image, as in Ironic.
  const needsImage = !drivers.deploy[node.deploy_interface]?.simulated && !(await serverOn(store, node));
  const results: Record<string, { result: boolean; reason?: string }> = {};
  for (const kind of interfaceKinds) {
    try {
      interfaceOf<Interface>(drivers[kind], node[fieldOf(kind)]).validate(facts);
      if (kind === 'power') checkPower(drivers, facts, node);
      if (kind === 'boot') await checkDeployRamdisk({ store }, facts);
      if (kind === 'deploy') checkNodeProperties(node);
      if (kind === 'raid') checkTargetRaid(drivers, node, node.target_raid_config);
      if (kind === 'deploy' && needsImage) readInstanceInfo(node);
      results[kind] = { result: true };
    } catch (error) {
      results[kind] = { result: false, reason: asFault(error).message };
    }
  }
  return results;
}

async function setTargetRaid({ store, drivers }: Parts, uuid: string, config: JsonObject): Promise<void> {
  await store.transaction(async (trx) => {
    const node = await findNode(trx, uuid);
    await refuseWhileBusy(trx, node);
    const target_raid_config = checkTargetRaid(drivers, node, config);
    await trx.nodes.update({ uuid }, { target_raid_config, updated_at: new Date().toISOString() });
  });
}

/** @throws Fault `badRequest`, or `unsupportedExtension` */
function checkTargetRaid(drivers: Drivers, { raid_interface, driver }: Node, config: object): Node['target_raid_config'] {
  if (Object.keys(config).length === 0) return {};
  const raid = interfaceOf(drivers.raid, raid_interface);
  if (raid.unsupported) throw new Fault('unsupportedExtension', { driver, extension: 'raid' });
  checkRaidConfig(raid, config);
  return config;
}

function checkPower(drivers: Drivers, facts: NodeFacts, { disable_power_off, power_interface }: Node): void {
  checkPowerPolicy(facts);
  if (disable_power_off) expectRestart(facts, interfaceOf(drivers.power, power_interface));
}
