/** One server of Nova on one node of Ingot: boots, is stopped, started, rebooted, rebuilt and deleted. */
import assert from 'node:assert/strict';
import type { CloudClient } from '#demo/cloud-client.ts';
import type { NovaClient, NovaServer } from './nova-client.ts';
import type { NovaServices } from './nova-services.ts';

export type CycleParts = {
  readonly cloud: CloudClient;
  readonly nova: NovaClient;
  readonly services: NovaServices;
  readonly say: (line: string) => void;
};

export type Wanted = {
  readonly name: string;
  /** UUID of the node that has the resource class of the flavor. */
  readonly node: string;
  readonly resourceClass: string;
  readonly imageId: string;
  readonly networkId: string;
  readonly keyName?: string;
  /** Called with the server's address whenever a system must run. */
  readonly logIn?: (address: string) => Promise<void>;
};

type NodeRow = { provision_state: string; power_state: string; instance_uuid: string | null; instance_info: object };

export async function runCycle(parts: CycleParts, wanted: Wanted): Promise<void> {
  const { nova, services, say, cloud } = parts;
  const { node, name } = wanted;
  const nodeNow = () => cloud.bareMetal<NodeRow>(`/nodes/${node}`);
  await services.until(`${name}: Nova sees its node`, () => nova.isFree(node));
  const { id } = await create(nova, wanted);
  const reach = (status: string) => reaches(parts, id, status);

  const booted = await reach('ACTIVE');
  const { provision_state, power_state, instance_uuid } = await nodeNow();
  assert.deepEqual([provision_state, power_state, instance_uuid], ['active', 'power on', id]);
  // Nova's server is none of this cloud's compute service.
  assert.deepEqual((await cloud.compute<{ servers: unknown[] }>('/servers?all_tenants=1')).servers, []);
  const address = Object.values(booted.addresses)[0]?.[0]?.addr ?? '';
  await wanted.logIn?.(address);
  say(`${name}: booted at ${address}`);

  const act = (action: object) => nova.post(`/servers/${id}/action`, action);
  await act({ 'os-stop': null });
  await reach('SHUTOFF');
  assert.equal((await nodeNow()).power_state, 'power off');
  await act({ 'os-start': null });
  await reach('ACTIVE');
  await wanted.logIn?.(address);
  say(`${name}: stopped and started`);
  await act({ reboot: { type: 'HARD' } });
  await reach('ACTIVE');
  say(`${name}: rebooted`);
  await act({ rebuild: { imageRef: wanted.imageId } });
  await reach('ACTIVE');
  assert.equal((await nodeNow()).provision_state, 'active');
  await wanted.logIn?.(address);
  say(`${name}: rebuilt`);

  await nova.remove(`/servers/${id}`);
  await services.until(`${name}: deleted`, async () => (await nova.server(id)) === undefined);
  await services.until(`${name}: its node available`, async () => (await nodeNow()).provision_state === 'available');
  const { instance_uuid: left, instance_info } = await nodeNow();
  const { ports } = await cloud.call<{ ports: unknown[] }>(`/network/v2.0/ports?device_id=${id}`);
  assert.deepEqual([left, instance_info, ports], [null, {}, []]);
  say(`${name}: deleted, its node cleaned and free`);
}

async function create(nova: NovaClient, wanted: Wanted): Promise<{ id: string }> {
  const { name, resourceClass, imageId, networkId, keyName } = wanted;
  const flavor = { id: name, name, ram: 1024, vcpus: 1, disk: 4 };
  await nova.post('/flavors', { flavor });
  const none = { 'resources:VCPU': '0', 'resources:MEMORY_MB': '0', 'resources:DISK_GB': '0' };
  const extra_specs = { [`resources:CUSTOM_${resourceClass.toUpperCase()}`]: '1', ...none };
  await nova.post(`/flavors/${name}/os-extra_specs`, { extra_specs });
  const network = { networks: [{ uuid: networkId }], config_drive: true };
  const user_data = Buffer.from('#!/bin/sh\n').toString('base64');
  const server = { name, imageRef: imageId, flavorRef: name, ...network, user_data, ...(keyName && { key_name: keyName }) };
  return (await nova.post<{ server: { id: string } }>('/servers', { server })).server;
}

/** The task in progress, if any, has ended. */
async function reaches({ nova, services }: CycleParts, id: string, status: string): Promise<NovaServer> {
  let seen: NovaServer | undefined;
  await services.until(`server ${id} ${status}`, async () => {
    seen = await nova.server(id);
    if (seen?.status === 'ERROR') throw new Error(`server ${id}: ${seen.fault?.message ?? 'ERROR'}`);
    return seen?.status === status && seen['OS-EXT-STS:task_state'] === null;
  });
  return seen as NovaServer;
}
