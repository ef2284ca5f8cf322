/** An operator repairs the hardware and brings every node back into service by the API: no state is a dead end. */
import type { Engine } from '#engine/contract.ts';
import { verbs } from '#engine/operations/registry.ts';
import type { Node } from '#store/tables/nodes.ts';
import { checkAtRest } from './invariants.ts';
import type { Room } from './room.ts';

const triesMax = 12;

/** What leads on, in the order in which it is tried. */
const waysBack = ['deleted', 'provide', 'manage', 'unhold', 'abort', 'unrescue'] as const;

export async function recover(room: Room, { rest }: { rest(): Promise<void> }): Promise<void> {
  const { world } = room;
  world.note('all hardware is repaired');
  Object.assign(world, { killIn: undefined, refusals: 0, fullUntil: 0 });
  for (const machine of world.machines) {
    machine.bmc.cure();
    machine.moods.length = 0;
  }
  await rest();
  for (let tries = 0; tries < triesMax && leftOf(room).length > 0; tries++) {
    for (const node of leftOf(room)) await lead(room, node, rest);
    checkAtRest(room);
    if (world.violations.length > 0) return;
  }
  for (const node of leftOf(room))
    world.violate(`${node.name} cannot be brought back: ${node.provision_state}, ${node.last_error ?? 'without an error'}`);
  for (const server of room.servers()) {
    room.send(`delete ${server.name}`, (engine) => engine.deleteServer(server.id));
    await rest();
  }
  for (const address of room.heldAddresses()) world.violate(`${address} is still held although all machines are clean`);
  for (const server of room.servers()) world.violate(`${server.name} cannot be deleted: ${server.vm_state}`);
}

function leftOf(room: Room): Node[] {
  return room.nodes().filter(({ provision_state, instance_uuid }) => provision_state !== 'available' || instance_uuid !== null);
}

async function lead(room: Room, node: Node, rest: () => Promise<void>): Promise<void> {
  const { uuid, name, provision_state, instance_uuid } = node;
  const send = async (text: string, call: (engine: Engine) => Promise<unknown>) => {
    room.send(`${text} of ${name} (${provision_state})`, call);
    await rest();
  };
  const driver_info = { room_password: room.passwordOf(uuid) };
  const flags = { protected: false, retired: false, disable_power_off: false };
  await send('settings', (engine) => engine.updateNode(uuid, { driver_info, ...flags }));
  await send('end of maintenance', (engine) => engine.setMaintenance(uuid, false));
  const server = room.servers().find(({ id }) => id === instance_uuid);
  if (server) return send('deletion of the server', (engine) => engine.deleteServer(server.id));
  const way = waysBack.find(
    (way) => provision_state !== 'available' && verbs.some(({ name, from }) => name === way && from.includes(provision_state)),
  );
  if (way) return send(way, (engine) => engine.setProvisionState(uuid, way));
  await send('release', async (engine) => {
    for (const allocation of room.allocations()) await engine.deleteAllocation(allocation);
    if (room.nodes().find((each) => each.uuid === uuid)?.instance_uuid) await engine.updateNode(uuid, { instance_uuid: null });
  });
}
