/**
 * Requests to a machine beyond power and deployment: boot mode, console LED, sensors, media, BIOS, firmware, vendor
 * methods. Each sends one request to the BMC; changes are recorded in the node's events.
 */
import { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import type { CallOptions, Drivers, ManagementInterface, NodeFacts, VendorMethod, Watching } from '#drivers/interfaces.ts';
import { unsupported } from '#drivers/unsupported.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { MachineVerbs } from '../contract.ts';
import { refuseWhileBusy } from '../nodes/busy-node.ts';
import { findNode } from '../nodes/find-node.ts';
import type { NodeReservations } from '../nodes/node-reservations.ts';
import { interfaceOf, loadNode } from '../worker/task.ts';
import { bmcDeadline } from './bmc-deadline.ts';
import type { BmcHealth } from './bmc-health.ts';
import { bmcMethods } from './bmc-methods.ts';
import type { BmcPasswords } from './bmc-passwords.ts';
import type { BootStates } from './boot-states.ts';
import { refuseWhileUpdating, type UpdateWatch } from './firmware-updates.ts';
import { recordBmcCommand } from './power.ts';

/** Timeout of a user's request to a BMC (milliseconds). */
const requestTimeoutMs = 120_000;

export type MachineVerbParts = {
  store: Store;
  drivers: Drivers;
  bmcHealth: BmcHealth;
  passwords: Pick<BmcPasswords, 'rotate'>;
  bootStates: Pick<BootStates, 'ask' | 'forget'>;
  reservations: Pick<NodeReservations, 'during'>;
  updates: Pick<UpdateWatch, 'settle'>;
};

/** One node, loaded for one request. */
type MachineRequestContext = {
  node: Node;
  facts: NodeFacts;
  management: ManagementInterface;
  callOptions: Watching & Pick<CallOptions, 'notice'>;
};

export function machineVerbs(parts: MachineVerbParts): MachineVerbs {
  const { drivers, bmcHealth, bootStates } = parts;
  const open = (uuid: string) => openNode(parts, uuid);
  const change = (uuid: string, subject: string, act: (open: MachineRequestContext) => Promise<unknown> | undefined) =>
    changeMachine(parts, uuid, { subject, act });
  // Stores what the BMC reports, not the requested value: many BMCs apply it at the next boot.
  const readBack = async (uuid: string) => {
    const { node, facts, callOptions } = await open(uuid);
    const { management_interface, revision } = node;
    await bootStates.ask({ ...facts, management_interface, revision }, callOptions).catch(() => bootStates.forget(uuid));
  };
  return {
    bmcHealth: (uuid) => bmcHealth.get(uuid),
    supportedBootDevices: async (uuid) => [...(await open(uuid)).management.bootDevices],
    async bootState(uuid) {
      const { node, facts, callOptions } = await open(uuid);
      const { management_interface, revision } = node;
      return bootStates.ask({ ...facts, management_interface, revision }, callOptions);
    },
    async setBootMode(uuid, mode) {
      await change(uuid, `boot mode ${mode}`, ({ facts, management, callOptions }) =>
        management.setBootMode?.(facts, mode, callOptions),
      );
      await readBack(uuid);
    },
    async setSecureBoot(uuid, on) {
      await change(uuid, `secure boot ${on ? 'on' : 'off'}`, ({ facts, management, callOptions }) =>
        management.setSecureBoot?.(facts, on, callOptions),
      );
      await readBack(uuid);
    },
    injectNmi: (uuid) =>
      alone(parts, uuid, 'a non-maskable interrupt', () =>
        changeMachine(parts, uuid, {
          subject: 'non-maskable interrupt',
          act: ({ facts, management, callOptions }) => management.injectNmi?.(facts, callOptions),
          isReserved: true,
        }),
      ),
    async getIndicator(uuid) {
      const { facts, management, callOptions } = await open(uuid);
      return management.getIndicator?.(facts, callOptions) ?? unsupported(facts, 'indicator');
    },
    setIndicator: (uuid, state) =>
      change(uuid, `indicator ${state}`, ({ facts, management, callOptions }) =>
        management.setIndicator?.(facts, state, callOptions),
      ),
    async biosSettings(uuid) {
      const { node, facts, callOptions } = await open(uuid);
      return interfaceOf(drivers.bios, node.bios_interface).readSettings(facts, callOptions);
    },
    async firmwareComponents(uuid) {
      const { node, facts, callOptions } = await open(uuid);
      return interfaceOf(drivers.firmware, node.firmware_interface).readComponents(facts, callOptions);
    },
    async mediaSlots(uuid) {
      const { facts, management, callOptions } = await open(uuid);
      return management.media?.slots(facts, callOptions) ?? unsupported(facts, 'virtual media');
    },
    insertMedia: (uuid, device, url) =>
      change(uuid, `insert ${device}`, ({ facts, management, callOptions }) =>
        management.media?.insert(facts, device, url, callOptions),
      ),
    ejectMedia: (uuid, devices) =>
      change(uuid, `eject ${devices.join(', ')}`, async ({ facts, management, callOptions }) => {
        if (!management.media) return unsupported(facts, 'virtual media');
        for (const device of devices) await management.media.eject(facts, device, callOptions);
      }),
    async vendorMethods(uuid) {
      const { node } = await open(uuid);
      const described = Object.entries(methodsOf(parts, node)).map(([name, { help, http }]) => [name, { help, http: [...http] }]);
      return Object.fromEntries(described);
    },
    callVendor: (uuid, call) => callVendor(parts, uuid, call),
  };
}

async function openNode({ store, drivers, bmcHealth }: MachineVerbParts, uuid: string): Promise<MachineRequestContext> {
  const { node, facts } = await loadNode(store, uuid);
  const management = interfaceOf(drivers.management, node.management_interface);
  return {
    node,
    facts,
    management,
    callOptions: { signal: bmcDeadline(node, requestTimeoutMs), notice: bmcHealth.noticeOnce(uuid) },
  };
}

type MachineChange = {
  subject: string;
  /** Returns undefined if the driver has no such method. */
  act: (open: MachineRequestContext) => Promise<unknown> | undefined;
  /** The request has reserved the node. */
  isReserved?: boolean;
};

/** A request that may switch the machine or restart its BMC: no lock is set until it has ended. */
function alone<R>(
  { store, reservations, updates }: MachineVerbParts,
  uuid: string,
  purpose: string,
  work: () => Promise<R>,
): Promise<R> {
  return reservations.during({ uuid, purpose, takes: 'idle', forbiddenBy: ['power'] }, async () => {
    const node = await findNode(store, uuid);
    await updates.settle(node, 'reset');
    await refuseWhileUpdating(store, node, 'reset');
    return work();
  });
}

async function changeMachine(
  parts: MachineVerbParts,
  uuid: string,
  { subject, act, isReserved = false }: MachineChange,
): Promise<void> {
  const open = await openNode(parts, uuid);
  const { node, facts, callOptions } = open;
  // A BMC restarted during a firmware update may be bricked.
  if (!isReserved) await refuseWhileBusy(parts.store, node);
  await recordBmcCommand(
    { store: parts.store, node: facts, ...callOptions },
    subject,
    () => act(open) ?? unsupported(facts, subject),
  );
}

/** Generic methods and those of the driver; the driver's take precedence. */
function methodsOf({ drivers, passwords }: MachineVerbParts, node: Node): Record<string, VendorMethod> {
  const management = interfaceOf(drivers.management, node.management_interface);
  return {
    ...bmcMethods(management, { rotate: (...call) => passwords.rotate(...call) }),
    ...interfaceOf(drivers.vendor, node.vendor_interface).methods,
  };
}

type VendorCall = { method: string; http: string; parameters: JsonObject };

async function callVendor(parts: MachineVerbParts, uuid: string, { method, http, parameters }: VendorCall): Promise<Json> {
  const { node, facts, callOptions } = await openNode(parts, uuid);
  const methods = methodsOf(parts, node);
  const row = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (!row) {
    const known = Object.keys(methods).join(', ') || 'none';
    throw new Fault('badRequest', { detail: `Node ${node.name ?? uuid} has no vendor method '${method}'; it has: ${known}.` });
  }
  if (!(row.http as readonly string[]).includes(http))
    throw new Fault('badRequest', { detail: `The vendor method '${method}' takes ${row.http.join(', ')}, not ${http}.` });
  if (http === 'GET') return row.run(facts, parameters, callOptions);
  const run = async () => {
    let answer: Json = null;
    await recordBmcCommand({ store: parts.store, node: facts, ...callOptions }, `vendor method ${method}`, async () => {
      answer = await row.run(facts, parameters, callOptions);
    });
    return answer;
  };
  if (row.whileBusy) return run();
  if (!row.reservesNode) return alone(parts, uuid, `vendor method ${method}`, run);
  await refuseWhileBusy(parts.store, node, ['power']);
  return run();
}
