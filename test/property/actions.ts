/** What users, hardware and the host may do at any moment: a table with weights. */
import type { JsonObject } from '#domain/json.ts';
import type { Engine } from '#engine/contract.ts';
import { verbs } from '#engine/operations/registry.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Server } from '#store/tables/servers.ts';
import { aFlavor, anImage, aServerRequest } from '#test/a-cloud.ts';
import type { Room } from './room.ts';
import type { Random } from './seeded-random.ts';
import { agentMoods } from './simulated-agent.ts';
import { bmcTroubles } from './simulated-bmc.ts';

type Chosen = { readonly text: string; readonly act: () => unknown };
type Row = { readonly name: string; readonly weight: number; choose(room: Room, random: Random): Chosen | undefined };

/** A request that is sent without waiting for its answer. */
function request(room: Room, text: string, call: (engine: Engine) => Promise<unknown>): Chosen {
  return { text, act: () => room.send(text, call) };
}

function onNode(name: string, weight: number, choose: (room: Room, node: Node, random: Random) => Chosen | undefined): Row {
  return {
    name,
    weight,
    choose(room, random) {
      const nodes = room.nodes();
      return nodes.length === 0 ? undefined : choose(room, random.pick(nodes), random);
    },
  };
}

function onServer(name: string, weight: number, call: (engine: Engine, server: Server) => Promise<unknown>): Row {
  return {
    name,
    weight,
    choose(room, random) {
      const servers = room.servers();
      if (servers.length === 0) return undefined;
      const server = random.pick(servers);
      return request(room, `${name} of ${server.name}`, (engine) => call(engine, server));
    },
  };
}

/** Those that the node's state allows, most of the time. */
const verb = onNode('verb', 30, (room, node, random) => {
  const allowed = verbs.filter(({ from }) => from.includes(node.provision_state));
  const chosen = random.pick(allowed.length > 0 && random.chance(0.85) ? allowed : verbs);
  const steps = someSteps(random);
  const runbook = async () => ({ steps, disable_ramdisk: false });
  const options = chosen.requires === undefined ? {} : random.chance(0.2) ? { runbook } : { [chosen.requires]: steps };
  const user = { project_id: 'p', is_admin: true };
  const configdrive = random.chance(0.2) ? { configdrive: { user_data: 'x' } } : {};
  return request(room, `${chosen.name} of ${node.name} (${node.provision_state})`, (engine) =>
    engine.setProvisionState(node.uuid, chosen.name, { ...options, user, ...configdrive }),
  );
});

const firmwareStep: JsonObject = {
  interface: 'firmware',
  step: 'update',
  args: { settings: [{ component: 'bmc', url: 'http://192.0.2.9/bmc-3.2.1.bin' }] },
};
const knownSteps: readonly JsonObject[] = [
  { interface: 'deploy', step: 'erase_devices' },
  { interface: 'bios', step: 'factory_reset' },
  { interface: 'bios', step: 'apply_configuration', args: { settings: [{ name: 'AssetTag', value: 'x' }] } },
  { interface: 'management', step: 'reset_bmc' },
  firmwareStep,
  { interface: 'power', step: 'hold' },
  { interface: 'power', step: 'wait', args: { seconds: 100 } },
  ...['power_on', 'power_off', 'reboot'].map((step) => ({ interface: 'power', step })),
];

function someSteps(random: Random): JsonObject[] {
  return Array.from({ length: random.integer(1, 2) }, () => random.pick(knownSteps));
}

/** Firmware is written for a while, in which its BMC is often in trouble. */
const firmwareRow = onNode('firmware update', 8, (room, node, random) => {
  const { name, uuid, provision_state } = node;
  const steps = [firmwareStep, ...(random.chance(0.3) ? someSteps(random) : [])];
  const serves = provision_state === 'active' || provision_state === 'service failed';
  const send = (verb: string, options: object = {}) =>
    room.send(`${verb} of ${name}`, (engine) => engine.setProvisionState(uuid, verb, options));
  const kind = random.pick(bmcTroubles);
  const [begins, lasts] = [random.integer(0, 400), random.pick([100, 2000, Number.POSITIVE_INFINITY])];
  return {
    text: `firmware of ${name} (${provision_state}), whose BMC ${kind} after ${begins} s for ${lasts} s`,
    act() {
      const { clock } = room.world;
      if (serves) send('service', { service_steps: steps });
      if (!serves && provision_state !== 'manageable') send('manage');
      if (!serves) clock.world(10_000, () => send('clean', { clean_steps: steps }));
      if (random.chance(0.7)) clock.world(begins * 1000, () => room.world.machineOf(uuid)?.bmc.trouble(kind, lasts));
    },
  };
});

const targets = ['power on', 'power off', 'reset', 'soft power off', 'soft reset'] as const;

const nodeRows: readonly Row[] = [
  verb,
  firmwareRow,
  onNode('power', 6, (room, node, random) => {
    const target = random.pick(targets) as 'power on';
    return request(room, `${target} of ${node.name}`, (engine) => engine.setPower(node.uuid, target));
  }),
  onNode('maintenance', 4, (room, node, random) => {
    const on = random.chance(0.4);
    return request(room, `maintenance ${on} of ${node.name}`, (engine) => engine.setMaintenance(node.uuid, on, 'test'));
  }),
  onNode('settings', 4, (room, node, random) => {
    const [text, changes] = random.pick(settingsOf(room, node));
    return request(room, `${text} of ${node.name}`, (engine) => engine.updateNode(node.uuid, changes));
  }),
  onNode('instance', 5, (room, node, random) => {
    const instance_uuid = random.chance(0.3) ? null : room.newUuid();
    const changes = random.pick([{ instance_info: { image_source: anImage.id, root_gb: 5 } }, { instance_uuid }]);
    return request(room, `${Object.keys(changes)} of ${node.name}`, (engine) => engine.updateNode(node.uuid, changes));
  }),
  onNode('BMC request', 3, (room, node, random) => {
    const method = random.pick(['rotate_password', 'reset_bmc', 'boot device', 'bios'] as const);
    return request(room, `${method} of ${node.name}`, (engine) => {
      if (method === 'bios') return engine.biosSettings(node.uuid);
      if (method === 'boot device') return engine.setBootDevice(node.uuid, 'disk', { persistent: false });
      return engine.callVendor(node.uuid, { method, http: 'POST', parameters: {} });
    });
  }),
  onNode('delete', 1, (room, node) =>
    request(room, `delete ${node.name}`, (engine) => engine.deleteNode(node.uuid).then(() => room.forget(node.uuid))),
  ),
  onNode('vif', 2, (room, node, random) => {
    const id = random.pick(room.portIds());
    return request(room, `VIF of ${node.name}`, (engine) =>
      random.chance(0.7) ? engine.attachVif(node.uuid, { id }) : engine.detachVif(node.uuid, id),
    );
  }),
];

function settingsOf(room: Room, node: Node): (readonly [string, Parameters<Engine['updateNode']>[1]])[] {
  const password = room.passwordOf(node.uuid);
  return [
    ['right password', { driver_info: { room_password: password } }],
    ['right password', { driver_info: { room_password: password } }],
    ['wrong password', { driver_info: { room_password: 'wrong' } }],
    ['properties', { properties: { ...node.properties, cpus: 2 } }],
    ['protection', { protected: !node.protected }],
    ['retirement', { retired: !node.retired }],
    ['power off disabled', { disable_power_off: true }],
    ['power off enabled', { disable_power_off: false }],
  ];
}

const serverRows: readonly Row[] = [
  {
    name: 'create server',
    weight: 12,
    choose: (room, random) => {
      const name = `server-${room.servers().length + 1}`;
      const networks = random.chance(0.5) ? 'none' : 'auto';
      const wanted = { ...aServerRequest, flavor: aFlavor, name, networks } as const;
      return request(room, `create ${name}`, (engine) => engine.createServers(wanted));
    },
  },
  onServer('delete', 6, (engine, { id }) => engine.deleteServer(id)),
  onServer('rebuild', 4, (engine, { id }) => engine.rebuildServer(id, { image: anImage, is_admin: true })),
  onServer('stop', 2, (engine, { id }) => engine.stopServer(id)),
  onServer('start', 2, (engine, { id }) => engine.startServer(id)),
  onServer('reboot', 2, (engine, { id }) => engine.rebootServer(id, 'HARD')),
  {
    name: 'allocation',
    weight: 3,
    choose: (room, random) => {
      const allocations = room.allocations();
      const uuid = allocations.length > 0 && random.chance(0.5) ? random.pick(allocations) : undefined;
      if (uuid !== undefined) return request(room, 'delete an allocation', (engine) => engine.deleteAllocation(uuid));
      const wanted = { name: null, traits: [], candidate_nodes: [], extra: {}, owner: null, resource_class: 'metal' };
      return request(room, 'create an allocation', (engine) => engine.createAllocation(wanted));
    },
  },
];

const hardwareRows: readonly Row[] = [
  {
    name: 'BMC trouble',
    weight: 10,
    choose({ world }, random) {
      const machine = random.pick(world.machines);
      const kind = random.pick(bmcTroubles);
      const seconds = random.pick([5, 60, 600, Number.POSITIVE_INFINITY]);
      return { text: `BMC ${machine.number} ${kind} for ${seconds} s`, act: () => machine.bmc.trouble(kind, seconds) };
    },
  },
  {
    name: 'BMC cured',
    weight: 5,
    choose({ world }, random) {
      const machine = random.pick(world.machines);
      return { text: `BMC ${machine.number} cured`, act: () => machine.bmc.cure() };
    },
  },
  {
    name: 'agent',
    weight: 12,
    choose({ world }, random) {
      const machine = random.pick(world.machines);
      const mood = random.pick(agentMoods);
      return { text: `machine ${machine.number}: the agent ${mood}`, act: () => machine.moods.push(mood) };
    },
  },
  {
    name: 'power cut',
    weight: 2,
    choose({ world }, random) {
      const machine = random.pick(world.machines);
      const on = random.chance(0.5);
      return { text: `machine ${machine.number} switched ${on ? 'on' : 'off'} by hand`, act: () => machine.setPower(on) };
    },
  },
];

const hostRows: readonly Row[] = [
  {
    name: 'kill',
    weight: 10,
    choose({ world }, random) {
      const count = random.integer(0, 25);
      const act = () => {
        world.killIn = count;
      };
      return { text: `kill Ingot after ${count} writes`, act };
    },
  },
  { name: 'kill now', weight: 2, choose: ({ world }) => ({ text: 'kill Ingot now', act: () => world.kill() }) },
  { name: 'restart', weight: 2, choose: (room) => ({ text: 'stop Ingot', act: () => room.track('stop', room.world.stop()) }) },
  {
    name: 'full disk',
    weight: 4,
    choose({ world }, random) {
      const [writes, seconds] = random.pick([
        [1, 0],
        [3, 0],
        [0, 60],
        [0, 900],
      ] as const);
      const act = () => {
        world.refusals = writes;
        world.fullUntil = world.clock.now + seconds * 1000;
      };
      return { text: `the database refuses ${writes} writes, and all for ${seconds} s`, act };
    },
  },
];

export const actionTable: readonly Row[] = [...nodeRows, ...serverRows, ...hardwareRows, ...hostRows];
