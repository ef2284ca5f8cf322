/** A room of machines with its cloud, as the actions use it; the rows are read beside Ingot. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Engine } from '#engine/contract.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import { anImage, aServerRequest } from '#test/a-cloud.ts';
import { IngotIsDown, isDatabaseFailure } from './contract.ts';
import type { World } from './world.ts';

const at = '2026-01-01T00:00:00.000Z';
const dates = { created_at: at, updated_at: at };

export class Room {
  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** The project, image and network of the cloud; before Ingot's first start. */
  async furnish(): Promise<void> {
    const { store } = this.world;
    if (!store) throw new Error('not started');
    await store.projects.insert({ id: aServerRequest.project_id, domain_id: 'default', name: 'p', description: '' });
    await store.images.insert(anImage);
    const network = { id: 'net', name: 'net', project_id: 'p', admin_state_up: true, shared: true, external: false };
    await store.networks.insert({ ...network, mtu: 1500, description: '', ...dates });
    const pool = { allocation_pools: [{ start: '10.9.0.10', end: '10.9.0.99' }], dns_nameservers: [], host_routes: [] };
    const subnet = { id: 'subnet', name: 's', network_id: 'net', project_id: 'p', ip_version: 4 as const, cidr: '10.9.0.0/24' };
    await store.subnets.insert({ ...subnet, ...pool, gateway_ip: '10.9.0.1', enable_dhcp: true, description: '', ...dates });
    for (const id of this.portIds()) await store.ports.insert(aPort(id));
  }

  portIds(): string[] {
    return ['5aaaaaaa-0000-4000-8000-000000000001', '5aaaaaaa-0000-4000-8000-000000000002'];
  }

  newUuid(): string {
    return randomUUID();
  }

  nodes(): Node[] {
    const rows = this.#rows<Node>('SELECT * FROM nodes ORDER BY id');
    return rows.map((row) => ({ ...row, properties: JSON.parse(String(row.properties)) as Node['properties'] }));
  }

  servers(): Server[] {
    return this.#rows<Server>("SELECT * FROM servers WHERE vm_state != 'deleted' ORDER BY created_at, id");
  }

  allocations(): string[] {
    return this.#rows<{ uuid: string }>('SELECT uuid FROM allocations ORDER BY uuid').map(({ uuid }) => uuid);
  }

  unended(): Pick<Operation, 'purpose'>[] {
    return this.#rows("SELECT purpose FROM operations WHERE state IN ('running', 'rolling_back')");
  }

  /** Requests that hold a node, such as those that try again to reach its BMC. */
  isReserved(): boolean {
    return this.#rows('SELECT node_uuid FROM node_reservations').length > 0;
  }

  heldAddresses(): string[] {
    return this.#rows<{ ip_address: string }>('SELECT ip_address FROM held_addresses').map(({ ip_address }) => ip_address);
  }

  passwordOf(uuid: string): string {
    return this.world.machineOf(uuid)?.bmc.password ?? '';
  }

  /** A machine whose node was deleted can be enrolled again. */
  forget(uuid: string): void {
    const machine = this.world.machineOf(uuid);
    if (machine) machine.nodeUuid = undefined;
  }

  /** Sends a request; its answer is only checked for defects. */
  send(text: string, call: (engine: Engine) => Promise<unknown>): void {
    this.track(text, this.world.ask(call));
  }

  track(text: string, work: Promise<unknown>): void {
    const { world } = this;
    const name = `${text} at ${world.clock.now}`;
    world.pending.add(name);
    work
      .then(
        () => world.note(`  ${text}: accepted`),
        (error: unknown) => {
          const isRefusal = error instanceof Fault && error.code !== 'internal';
          const isOutage = error instanceof IngotIsDown || isDatabaseFailure(error);
          world.note(`  ${text}: ${isOutage ? 'not answered' : (error as Error).message}`);
          if (!isRefusal && !isOutage) world.report(text, error);
        },
      )
      .finally(() => world.pending.delete(name));
  }

  /** @returns the work, which ends in a later step of the clock */
  async enrol(): Promise<void> {
    for (const machine of this.world.machines) {
      if (machine.nodeUuid !== undefined) continue;
      const uuid = randomUUID();
      machine.nodeUuid = uuid;
      const properties = { cpus: 4, memory_mb: 4096, local_gb: 40, cpu_arch: 'x86_64' };
      const driver_info = { room_password: machine.bmc.password };
      const name = `node-${machine.number}`;
      const wanted = { uuid, name, driver: 'room', driver_info, properties, resource_class: 'metal' };
      await this.world.ask((engine) => engine.createNode(wanted));
      await this.world.ask((engine) => engine.createNodePort({ node_uuid: uuid, address: machine.mac }));
    }
  }

  #rows<T>(sql: string): T[] {
    return this.world.database.read<T>(sql);
  }
}

function aPort(id: string) {
  const tail = id.at(-1) ?? '0';
  const fixed_ips = [{ subnet_id: 'subnet', ip_address: `10.9.0.10${tail}` }];
  const device = { device_id: '', device_owner: '', admin_state_up: true, status: 'DOWN' as const, owned_by_server: false };
  const mac_address = `fa:16:3e:00:00:0${tail}`;
  return { id, name: '', network_id: 'net', project_id: 'p', mac_address, fixed_ips, description: '', ...device, ...dates };
}
