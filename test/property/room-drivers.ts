/** Drivers of the simulated machines, as one process uses them. Deployments are those of real hardware, by the agent. */
import { Fault } from '#domain/faults.ts';
import { perKind, rowOf } from '#domain/interface-kinds.ts';
import { createDirectDeploy } from '#drivers/direct/index.ts';
import { createFakeDriver } from '#drivers/fake/index.ts';
import type { Drivers, FirmwareInterface, ManagementInterface, NodeFacts, PowerInterface } from '#drivers/interfaces.ts';
import { ipxeBoot } from '#drivers/ipxe/index.ts';
import { absentInterfaces } from '#drivers/noop.ts';
import type { ImageFetcher, ImageFiles } from '#engine/contract.ts';
import { anImage } from '#test/a-cloud.ts';
import type { Surroundings } from './contract.ts';
import type { ProcessAccess } from './crashing-database.ts';
import type { Caller, SimulatedBmc } from './simulated-bmc.ts';

const properties = { room_password: { help: 'The password of the BMC.', secret: true } };
const validate = () => {};

export function roomDrivers(world: Surroundings, access: ProcessAccess): Drivers {
  const fake = createFakeDriver({ powerDelayMs: 0, deployDelayMs: 0 });
  const { settings } = world;
  const direct = createDirectDeploy({
    agentTimeout: settings['deploy.agent_timeout'],
    imageTimeout: settings['deploy.image_timeout'],
  });
  const kinds = {
    power: 'room',
    management: 'room',
    boot: 'ipxe',
    deploy: 'direct',
    bios: 'fake',
    firmware: 'room',
    inspect: 'agent',
  };
  const own: Readonly<Record<string, string>> = kinds;
  return {
    ...absentInterfaces,
    hardwareTypes: { room: { name: 'room', ...perKind((kind) => [own[kind] ?? rowOf(kind).none ?? 'fake']) } },
    power: { room: powerOf(world, callerOf(access)) },
    management: { room: managementOf(world, callerOf(access)) },
    boot: { ipxe: ipxeBoot },
    deploy: { direct },
    bios: { fake: fake.bios, ...absentInterfaces.bios },
    firmware: { room: firmwareOf(world, callerOf(access)), ...absentInterfaces.firmware },
  };
}

function callerOf(access: ProcessAccess): Caller {
  return {
    get isDead() {
      return access.isDead;
    },
    mayDie() {
      try {
        access.check('command', true);
      } catch {
        // The database may refuse, which is of no concern to a BMC.
      }
    },
  };
}

function bmcOf(world: Surroundings, { uuid }: NodeFacts): SimulatedBmc {
  const machine = world.machineOf(uuid);
  if (!machine) throw new Fault('bmcUnreachable', { device: 'BMC', address: uuid, attempts: 1, seconds: 1, detail: 'gone' });
  return machine.bmc;
}

function powerOf(world: Surroundings, caller: Caller): PowerInterface {
  return {
    properties,
    validate,
    getPower: async (node, options) => bmcOf(world, node).getPower(caller, node, options),
    setPower: async (node, target) => bmcOf(world, node).setPower(caller, node, target),
  };
}

function firmwareOf(world: Surroundings, caller: Caller): FirmwareInterface {
  const component = 'bmc';
  const request = 'firmware update';
  return {
    properties,
    validate,
    readComponents: async (node, options) => [
      { component, version: await bmcOf(world, node).readVersion(caller, node, options), updateable: true },
    ],
    startUpdate: async (node) => ({ task: { id: await bmcOf(world, node).startUpdate(caller, node), request }, againIn: 5 }),
    async pollUpdate(node, { task }, options) {
      const found = await bmcOf(world, node).pollUpdate(caller, node, task.id, options);
      if (found === 'working') return { task, againIn: 5 };
      const failed = () => new Fault('bmcError', { device: 'BMC', address: node.uuid, command: request, detail: 'simulated' });
      return found === 'failed' ? { failed: failed() } : undefined;
    },
  };
}

function managementOf(world: Surroundings, caller: Caller): ManagementInterface {
  return {
    properties,
    validate,
    bootDevices: ['pxe', 'disk'],
    setBootDevice: async (node, device, { persistent }) => bmcOf(world, node).setBootDevice(caller, node, device, persistent),
    async getBootDevice(node, options) {
      const bmc = bmcOf(world, node);
      return bmc.read(caller, node, options, () => bmc.bootDevice ?? { device: null, persistent: null });
    },
    async changePassword(node, password) {
      await bmcOf(world, node).changePassword(caller, node, password);
    },
    async resetBmc(node) {
      bmcOf(world, node).restart();
    },
  };
}

const refuse = async (): Promise<never> => {
  throw new Fault('imageUnusable', { image: 'any', detail: 'this room has whole-disk images of the image service only' });
};

export const noFetcher: ImageFetcher = { fetch: refuse, configDrive: refuse };

export function roomImages(configDrive: string): ImageFiles {
  const extents = { path: '/images/1', size: 1000, sha256: '0'.repeat(64), virtual_size: 1, data_bytes: 1000 };
  return {
    get: async () => anImage,
    file: async (id) => `/images/${id}`,
    raw: refuse,
    disk: refuse,
    extents: async () => extents,
    kernel: refuse,
    recheck: async () => true,
    configDrive: async () => configDrive,
    givenConfigDrive: async () => configDrive,
  };
}
