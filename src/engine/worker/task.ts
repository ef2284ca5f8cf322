/** Builds the `Task` of a step: its access to one machine for one purpose (drivers/interfaces.ts). */
import { randomUUID } from 'node:crypto';
import { clientIdOf } from '#domain/client-ids.ts';
import { Fault } from '#domain/faults.ts';
import type {
  BootPlan,
  BootRequest,
  Drivers,
  ImageSource,
  Instance,
  NodeFacts,
  PowerInterface,
  Task,
} from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import type { BootPublisher, ImageFetcher, ImageFiles } from '../contract.ts';
import { reportSilence } from '../messages/diagnosis.ts';
import type { NodeReservations } from '../nodes/node-reservations.ts';
import type { BmcHealth } from '../power/bmc-health.ts';
import type { UpdateWatch } from '../power/firmware-updates.ts';
import { recordBmcCommand, withinGracePeriod } from '../power/power.ts';
import { powerSetter } from '../power/task-power.ts';
import { addressIsIn } from '../servers/addresses.ts';
import { networkFacts, portsOfNode } from '../servers/server-network.ts';
import { portsOfServer, refuseLostPorts } from '../servers/server-ports.ts';
import type { EngineSettings } from '../settings.ts';
import type { RunningOperation } from './base-context.ts';
import type { RowWriter } from './bound-operations.ts';
import { deployRamdisk } from './deploy-ramdisk.ts';
import type { LiveOperation } from './live-operations.ts';
import { agentKindOf, agentParameters, imageFor } from './node-agent.ts';
import { checkedImages, idsOf, pinnedImages, userOf } from './operation-images.ts';
import type { AskPower } from './step-run.ts';

export type TaskParts = {
  store: Store;
  drivers: Drivers;
  boot: BootPublisher;
  images: ImageFiles;
  fetcher: ImageFetcher;
  settings: EngineSettings;
  bmcHealth: BmcHealth;
  reservations: NodeReservations;
  updates: Pick<UpdateWatch, 'wait'>;
  /** The machine is about to be powered on: observations of its last boot are obsolete. */
  bootBegins(live: LiveOperation, rows: RowWriter): Promise<void>;
  askPower: AskPower;
  /** A command for the agent is pending: it is new, or Ingot was restarted. */
  commandPending(live: LiveOperation): void;
};

type Parts = TaskParts & { rows: RowWriter };

export async function buildTask(parts: Parts, live: LiveOperation, signal: AbortSignal): Promise<Task> {
  const { store, settings, drivers } = parts;
  const { operation } = live;
  const { node, facts } = await loadNode(store, operation.node_uuid);
  const server = operation.server_id ? await store.servers.find({ id: operation.server_id }) : undefined;
  live.step.memory.power.restart();
  const reportWait = (wait: string) => parts.rows.reportWait(live, wait);
  const instance = server ?? operation.request.instance;
  const { pinned, user } = imagesOfOperation(parts, operation, instance);
  const images = checkedImages(parts.images, { store, pinned, user });
  const bmc = { store, node: facts, operation, signal, reportWait };
  const note: Task['note'] = (subject, message, data = {}, durationMs) =>
    store.events.append({
      ...eventOwner(operation),
      kind: 'note',
      subject,
      message,
      data,
      ...(durationMs !== undefined && { duration_ms: durationMs }),
    });
  return {
    operation,
    get context() {
      return operation.context;
    },
    node: { ...node, ports: facts.ports },
    instance,
    signal,
    power: {
      get: () => powerOf(parts, node).getPower(facts, { signal }),
      forget: () => live.step.memory.power.forget(),
      awaitFirmware: (own) =>
        parts.updates.wait(node, 'BMC', {
          signal,
          ...(own && { own: { node_uuid: node.uuid, operation_id: operation.id, component: own.component } }),
        }),
      set: powerSetter({
        ...{ store, settings, node, facts, signal, reportWait, note },
        reservations: parts.reservations,
        memory: live.step.memory,
        operation: () => live.operation,
        saveContext: (change) => parts.rows.saveContext(live, change),
        beforeStart: () => parts.bootBegins(live, parts.rows),
        awaitFirmware: (one, target) => parts.updates.wait(one, target, { signal }),
        powerOf: (one) => powerOf(parts, one),
        gracePeriodSeconds: (one) => gracePeriodFor(parts, one),
        load: (uuid) => loadNode(store, uuid),
      }),
    },
    setBootDevice: (device, options) =>
      recordBmcCommand(bmc, `boot device ${device}${options.persistent ? ' persistent' : ' once'}`, () => {
        const management = interfaceOf(drivers.management, node.management_interface);
        const gracePeriodSeconds = gracePeriodFor(parts, node);
        return withinGracePeriod({ memory: live.step.memory, gracePeriodSeconds }, `boot device ${device}`, () =>
          management.setBootDevice(facts, device, options, { signal }),
        );
      }),
    boot: bootOf({ parts, operation, node: facts, server, instance }),
    agent: agentOf(parts, images, { live, node: facts, signal }),
    images,
    imageIds: async () => idsOf(await pinned()),
    deployRamdisk: () => deployRamdisk({ ...parts, signal }, { instance, node: facts, kind: agentKindOf(parts, live, facts) }),
    configDrive: () => configDriveOf(parts, operation, signal),
    saveContext: (facts) => parts.rows.saveContext(live, (context) => ({ ...context, ...facts })),
    elapsed: (what) => live.step.memory.elapsed(what),
    message: (name) => operation.context.messages?.[name],
    note,
    settings: {
      append: settings['provisioning.append'],
      tftp_root: parts.boot.tftpRoot,
      work_dir: `${settings.state_dir}/work/${operation.id}`,
    },
  };
}

function imagesOfOperation({ store }: TaskParts, operation: RunningOperation, instance: Instance | undefined) {
  const pinned = async () => {
    if (!instance) throw new Fault('imageUnusable', { image: '(none)', detail: 'the operation is not about an instance.' });
    return pinnedImages(store, operation, instance);
  };
  return { pinned, user: userOf(operation, instance ?? { project_id: '' }) };
}

export function eventOwner(
  operation: Pick<Operation, 'id' | 'node_uuid' | 'server_id'>,
): Pick<Operation, 'node_uuid' | 'server_id'> & { operation_id: string } {
  return { operation_id: operation.id, node_uuid: operation.node_uuid, server_id: operation.server_id };
}

export async function loadNode(store: Store, uuid: string): Promise<{ node: Node; facts: NodeFacts & { ports: NodePort[] } }> {
  const node = await store.nodes.find({ uuid });
  if (!node) throw new Fault('notFound', { what: 'Node', id: uuid });
  const ports = await store.node_ports.list({ node_uuid: uuid }, { orderBy: 'id' });
  return { node, facts: { ...node, ports } };
}

/** The implementation that a node names, or a fault with the missing name. */
export function interfaceOf<T>(implementations: Readonly<Record<string, T>>, name: string): T {
  const found = Object.hasOwn(implementations, name) ? implementations[name] : undefined;
  if (!found)
    throw new Fault('badRequest', {
      detail: `there is no interface '${name}'; known: ${Object.keys(implementations).join(', ')}`,
    });
  return found;
}

function powerOf({ drivers, bmcHealth }: TaskParts, node: Node): PowerInterface {
  return bmcHealth.guard(interfaceOf(drivers.power, node.power_interface));
}

type BootOwner = {
  parts: TaskParts;
  operation: RunningOperation;
  node: NodeFacts;
  server: Server | undefined;
  instance: Instance | undefined;
};

/** While the circuit of a BMC is open, it gets a single attempt. */
function gracePeriodFor({ bmcHealth, settings }: TaskParts, { uuid }: Pick<Node, 'uuid'>): number {
  return bmcHealth.isOpen(uuid) ? 0 : settings['bmc.grace_period'];
}

function bootOf({ parts, operation, node, server, instance }: BootOwner): Task['boot'] {
  const { boot, drivers, settings } = parts;
  return {
    addresses: boot.addresses,
    agentParameters: () => agentParameters(boot.addresses, operation),
    withdraw: () => boot.withdraw(node.uuid),
    async serve(request) {
      if (server) await refuseLostPorts(parts.store, operation, server);
      const name = operation.request.boot_interface ?? 'ipxe';
      const plan: BootRequest = {
        ...request,
        node,
        folder: server?.id ?? node.uuid,
        macs: await machineAddresses(parts, node, { server, instance }),
        addresses: boot.addresses,
        append: settings['provisioning.append'],
      };
      await boot.publish(interfaceOf(drivers.boot, name).plan(plan));
    },
  };
}

/**
 * Every NIC that may boot or has a network port, with its fixed address if that is in the provisioning subnet. The member
 * of a bond whose MAC the bond has boots alone, with the address of the bond.
 */
async function machineAddresses(
  parts: TaskParts,
  node: NodeFacts,
  { server, instance }: Pick<BootOwner, 'server' | 'instance'>,
): Promise<BootPlan['macs']> {
  const { store, settings } = parts;
  const ofNode = instance ? await portsOfNode(store, node.uuid) : [];
  const ports = server ? await portsOfServer(store, server) : ofNode;
  const portOf = (nic: NodePort) => ports.find(({ id, mac_address }) => id === nic.vif_port_id || mac_address === nic.address);
  return node.ports
    .filter((nic) => nic.pxe_enabled || portOf(nic))
    .map((nic) => {
      const fixed = portOf(nic)?.fixed_ips.map((ip) => ip.ip_address) ?? [];
      const address = fixed.find((ip) => settings['provisioning.cidr'] && addressIsIn(ip, settings['provisioning.cidr']));
      const client_id = clientIdOf(nic);
      return {
        mac: nic.address,
        ...(address && { address }),
        ...(instance && { hostname: instance.hostname }),
        ...(client_id && { client_id }),
      };
    });
}

type AgentOwner = { live: LiveOperation; node: NodeFacts; signal: AbortSignal };

/**
 * The pending command is kept in the operation's context. After a restart on either side it is repeated with the same
 * id, and the agent replies with the result it already has.
 */
function agentOf(parts: Parts, images: ImageSource, { live, node, signal }: AgentOwner): Task['agent'] {
  const kind = agentKindOf(parts, live, node);
  return {
    kind,
    image: (id) => imageFor(kind, { images, boot: parts.boot }, id),
    heard: () => live.operation.context.agent,
    async ask(name, params, key = name) {
      const { replies, command } = live.operation.context;
      const reply = replies?.[key];
      if (reply) return reply;
      if ((command?.key ?? command?.name) !== key) {
        const command = { id: randomUUID(), name, params, ...(key !== name && { key }) };
        await parts.rows.saveContext(live, (context) => ({ ...context, command }));
      } else if (live.agent.silentMs > parts.settings['deploy.silence_timeout'] * 1000) {
        const detail = reportSilence(parts.settings['deploy.silence_timeout'], await parts.askPower(live, signal));
        throw new Fault('agentFailed', { command: name, detail });
      }
      parts.commandPending(live);
      return undefined;
    },
  };
}

/** @returns undefined if the instance has none */
export async function configDriveOf(
  parts: Pick<TaskParts, 'store' | 'images' | 'fetcher' | 'settings'>,
  operation: Pick<Operation, 'id' | 'kind' | 'node_uuid' | 'server_id'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const directory = `${parts.settings.state_dir}/work/${operation.id}`;
  if (operation.server_id === null) {
    const given = await parts.store.config_drives.find({ id: operation.node_uuid });
    const url = given?.document['url'];
    if (typeof url === 'string') return parts.fetcher.configDrive(url, directory, signal);
    return given && parts.images.givenConfigDrive(given.document, directory);
  }
  const server = await parts.store.servers.find({ id: operation.server_id });
  if (!server) throw new Fault('notFound', { what: 'Server of operation', id: operation.id });
  await refuseLostPorts(parts.store, operation, server);
  const own = await portsOfServer(parts.store, server);
  const facts = await networkFacts(parts.store, { ...server, port_ids: own.map(({ id }) => id) });
  return parts.images.configDrive(server, facts, directory);
}
