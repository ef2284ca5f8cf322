/** Handles the agent's hello: binds an operation to one agent, and rejects others that present its token. */
import type { Hello, HelloReply } from '#agent-protocol/messages.ts';
import { agentProtocol } from '#agent-protocol/routes.ts';
import { Fault } from '#domain/faults.ts';
import { formatRequester, isMachine, type Requester } from '#domain/requesters.ts';
import { type ReportedIdentity, refuseWrongMachine } from '../nodes/machine-identity.ts';
import type { MachineRecord } from '../nodes/machine-record.ts';
import { keepInventory } from '../operations/known-disks.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import type { TaskParts } from '../worker/task.ts';
import type { Worker } from '../worker/worker.ts';
import { bindingOf, findByBootstrap, isBoundTo, newBinding, sessionToken } from './agent-tokens.ts';

export type MessageParts = TaskParts & { worker: Worker; record: MachineRecord };

/**
 * Throws `forbidden` if the address is known to belong to another machine: another machine with the token gains nothing and
 * ends nothing. `deed` is completed with "another machine at …".
 */
export async function refuseOtherRequester(
  { store, record }: MessageParts,
  live: LiveOperation,
  doing: { requester: Requester; deed: string },
) {
  const { requester, deed } = doing;
  const ports = await store.node_ports.list({ node_uuid: live.operation.node_uuid });
  if (
    isMachine(
      requester,
      ports.map((port) => port.address),
    )
  )
    return;
  const message = `Another machine at ${formatRequester(requester)} ${deed}; it was refused`;
  record.otherMachine(live.operation, {
    subject: 'other machine',
    message,
    data: { address: requester.address, macs: [...requester.macs] },
  });
  throw new Fault('forbidden', { detail: `The address ${requester.address} is not that of the machine.` });
}

/** The session token is bound to the agent's address, so a stolen one is useless elsewhere. */
export function refuseOtherAddress({ record }: MessageParts, live: LiveOperation, requester: Requester): void {
  const binding = bindingOf(live);
  if (binding?.address === requester.address) return;
  const message = `Another machine at ${formatRequester(requester)} used the session of the agent at ${binding?.name}; it was refused`;
  record.otherMachine(live.operation, { subject: 'other machine', message, data: { address: requester.address } });
  throw new Fault('forbidden', { detail: `The session is not that of ${requester.address}.` });
}

/**
 * The first agent is bound to the operation. If it repeats its hello (lost reply, or restarted by init), it gets the
 * same reply.
 */
export async function bindAgent(
  parts: MessageParts,
  hello: { token: string; body: Hello; requester: Requester },
): Promise<HelloReply> {
  const { body, requester } = hello;
  const live = findByBootstrap(parts.worker, hello.token);
  if (body.protocol !== agentProtocol) throw endOutdated(parts, live, String(body.protocol));
  const before = bindingOf(live);
  if (!before) {
    await expectOwnMachine(parts, live, [body.inventory]);
    await writeBinding(parts, live, { body, requester });
  } else if (!isBoundTo(before, body.instance, requester)) throw endBySecond(parts, live, requester);
  await parts.boot.spend(live.operation.node_uuid);
  const binding = bindingOf(live);
  if (!binding) throw new Fault('unauthorized');
  live.agent.heard();
  parts.worker.wake(live.operation.id);
  return { node_uuid: live.operation.node_uuid, session: sessionToken(live, binding) };
}

async function writeBinding(
  parts: MessageParts,
  live: LiveOperation,
  { body, requester }: { body: Hello; requester: Requester },
): Promise<void> {
  const { store, worker, record } = parts;
  const first = new Date().toISOString();
  await keepInventory(store, live.operation.node_uuid, body.inventory);
  let isFirst = false;
  await worker.saveContext(live, (context) => {
    const other = bindingOf(live);
    isFirst = !other;
    if (!other)
      return {
        ...context,
        agent: { first, last: first, address: requester.address },
        agent_binding: newBinding(body.instance, requester, formatRequester(requester)),
      };
    // Another hello was written while this one was queued.
    if (!isBoundTo(other, body.instance, requester)) throw endBySecond(parts, live, requester);
    return context;
  });
  if (!isFirst) return;
  const { uptime_seconds, kernel, agent_version: version } = body;
  record.agent(live.operation, {
    subject: 'hello',
    message: `The ramdisk reports, ${uptime_seconds.toFixed(1)} s after its kernel started`,
    data: { address: requester.address, uptime_seconds, kernel, version },
  });
}

/**
 * The wrong machine gets nothing: its later requests are rejected, and the operation has failed.
 * @param told identities reported by the machine, in order; one match is enough. If empty, nothing is checked
 */
export async function expectOwnMachine(
  { store, drivers, worker, record }: MessageParts,
  live: LiveOperation,
  reported: readonly ReportedIdentity[],
): Promise<void> {
  const node = await store.nodes.find({ uuid: live.operation.node_uuid });
  if (!node) return;
  const { isSystemUuidOfSmbios: isBmcSure = false } = drivers.management[node.management_interface] ?? {};
  const checks = reported.map((each) => refuseWrongMachine(store, node, { reported: each, isBmcSure }));
  const results = await Promise.allSettled(checks);
  const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const [error] = refusals;
  if (refusals.length < reported.length || error === undefined) return;
  if (!(error instanceof Fault) || error.code !== 'wrongMachine') throw error;
  record.otherMachine(live.operation, {
    subject: 'wrong machine',
    message: error.message,
    data: { system: reported[0]?.system ?? {} },
  });
  worker.cancel(live.operation.id, error);
  throw error;
}

/**
 * It is unknown which of the two is the right machine, so both are rejected. @returns the fault for the second agent
 */
export function endBySecond({ worker, record }: MessageParts, live: LiveOperation, requester: Requester): Fault {
  const first = bindingOf(live)?.name ?? 'an unknown address';
  const fault = new Fault('secondAgent', { first, second: formatRequester(requester) });
  record.otherMachine(live.operation, { subject: 'second agent', message: fault.message, data: { address: requester.address } });
  worker.cancel(live.operation.id, fault);
  return fault;
}

/** @returns the fault, which the agent also receives and prints on the machine's console */
export function endOutdated({ worker }: Pick<MessageParts, 'worker'>, live: LiveOperation, found: string): Fault {
  const fault = new Fault('agentOutdated', { found, wanted: agentProtocol });
  worker.cancel(live.operation.id, fault);
  return fault;
}
