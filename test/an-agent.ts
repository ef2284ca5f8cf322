/** An agent as seen by the engine. */
import assert from 'node:assert/strict';
import type { Disk, Hello } from '#agent-protocol/messages.ts';
import type { Requester } from '#domain/requesters.ts';
import type { Engine } from '#engine/contract.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';

/** By default on a network with foreign DHCP whose address the kernel has not seen. */
export function aRequester(address = '10.0.0.5', changes: Partial<Requester> = {}): Requester {
  return { address, macs: [], isServed: false, ...changes };
}

export function aDisk(changes: Partial<Disk> = {}): Disk {
  return {
    ...{ device: '/dev/vda', size_bytes: 8_589_934_592, model: 'm', serial: '' },
    ...{ rotational: false, removable: false, discard_max_bytes: 0, write_zeroes_max_bytes: 0 },
    ...changes,
  };
}

export function aHello(changes: Partial<Hello> = {}): Hello {
  return {
    protocol: 2,
    instance: 'the-instance-of-one-agent',
    agent_version: '2.0',
    uptime_seconds: 3.5,
    kernel: '6.1',
    boot_mac: null,
    address: '10.0.0.5',
    inventory: {
      cpu: { count: 1, model: 'm', architecture: 'x86_64', flags: [] },
      memory_bytes: 1,
      disks: [aDisk()],
      nics: [],
      system: { vendor: '', product: '', serial: '', uuid: '' },
      firmware: { mode: 'bios', version: '' },
    },
    ...changes,
  };
}

export function bootstrapOf({ id, context }: Operation): string {
  return `${id}.${context['agent_secret']}`;
}

/** @returns the session token */
export async function sayHello(engine: Pick<Engine, 'agentHello'>, operation: Operation, asker = aRequester()): Promise<string> {
  return (await engine.agentHello(bootstrapOf(operation), aHello(), asker)).session;
}

/** Acts as the ramdisk for the waiting cleaning. */
export async function cleanAsAgent(
  { engine, store }: { engine: Engine; store: Store },
  { uuid }: Pick<Node, 'uuid'>,
): Promise<void> {
  const { operation_id } = (await store.nodes.find({ uuid })) as Node;
  const token = await sayHello(engine, (await store.operations.find({ id: operation_id ?? '' })) as Operation);
  const command = await engine.agentNext(token, 5000, AbortSignal.timeout(5000));
  assert.equal(command?.name, 'clean');
  await engine.agentResult(token, {
    command_id: command.id,
    ok: true,
    result: { disks: [{ device: '/dev/vda', size_bytes: 1, method: 'discard', seconds: 1 }] },
  });
}
