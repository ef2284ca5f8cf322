/** What machines tell us: the agent's messages, the classic POST, and requests for addresses and files. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command, Progress } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject, NewEvent, Operation } from '#domain/records.ts';
import type { AgentReply } from '#drivers/interfaces.ts';
import type { MachineMessages } from './contract.ts';
import type { LiveOperation } from './live-operations.ts';
import { now } from './step-deadlines.ts';
import { MachineBudgets, Strangers } from './strangers.ts';
import { configDriveOf, eventOwner, type TaskParts } from './task.ts';
import type { Worker } from './worker.ts';

type Parts = TaskParts & { worker: Worker };

/** Progress goes into the record at most this often; the latest one always counts as a sign of life. */
const progressEventMs = 2000;

export function machineMessages(parts: Parts): MachineMessages {
  const { store, worker } = parts;
  const admission = { strangers: new Strangers(), machines: new MachineBudgets() };
  const fromAgent = (token: string): LiveOperation => {
    const live = findByToken(worker, token);
    live.lastHeard = now();
    return live;
  };
  const record = (live: LiveOperation, event: Omit<NewEvent, 'kind'>) =>
    store.events.append({ ...eventOwner(live.operation), kind: 'agent', ...event });
  return {
    async agentHello(token, hello, address) {
      const live = fromAgent(token);
      const last = new Date().toISOString();
      const inventory = hello.inventory as unknown as JsonObject;
      await store.nodes.update({ uuid: live.operation.node_uuid }, { inventory });
      await worker.remember(live, (context) => {
        const { first = last } = (context['agent'] ?? {}) as { first?: string };
        return { ...context, agent: { first, last, address, inventory } };
      });
      const message = `The ramdisk reports, ${hello.uptime_seconds.toFixed(1)} s after its kernel started`;
      record(live, {
        subject: 'hello',
        message,
        data: { address, uptime_seconds: hello.uptime_seconds, kernel: hello.kernel, version: hello.agent_version },
      });
      worker.wake(live.operation.id);
      return { node_uuid: live.operation.node_uuid };
    },
    agentNext: (token, waitMs, signal) => nextCommand(fromAgent(token), waitMs, signal),
    async agentProgress(token, progress) {
      recordProgress(parts, fromAgent(token), progress);
    },
    async agentResult(token, result) {
      const live = fromAgent(token);
      const reply: AgentReply = result.ok
        ? { ok: true, result: (result.result ?? {}) as JsonObject }
        : { ok: false, error: result.error ?? 'no reason given' };
      let command: Command | undefined;
      await worker.remember(live, (context) => {
        const { command: pending, ...others } = context as JsonObject & { command?: Command };
        // A repeat of a result that is known already changes nothing.
        if (pending?.id !== result.command_id) return context;
        command = pending;
        const replies = { ...(others['replies'] as JsonObject), [pending.name]: reply as unknown as JsonObject };
        return { ...others, replies };
      });
      if (!command) return;
      record(live, {
        subject: command.name,
        message: reply.ok ? `${command.name}: done` : `${command.name}: ${reply.error}`,
        data: reply.ok ? reply.result : {},
      });
      worker.wake(live.operation.id);
    },
    async agentLog(token, lines) {
      const live = fromAgent(token);
      const { node_uuid } = live.operation;
      const admitted = lines.filter(() => admission.machines.admit(node_uuid));
      for (const line of admitted) record(live, { subject: 'log', message: line.slice(0, 2000) });
    },
    agentOperation: async (token) => fromAgent(token).operation,
    async agentConfigDrive(token) {
      const { operation } = fromAgent(token);
      const server = operation.server_id ? await store.servers.find({ id: operation.server_id }) : undefined;
      return configDriveOf(parts, operation, server);
    },
    deployPost: (fields, from) => takeDeployPost(parts, fields, from),
    // A line of the record, not an order: while Ingot stops, the store may be closed already.
    machineRequest: (request) => void noteRequest(parts, admission, request).catch(() => {}),
  };
}

/** Tokens are `<operation id>.<secret>`; an operation that has ended has no token any more. */
function findByToken(worker: Worker, token: string): LiveOperation {
  const [id = '', secret = ''] = token.split('.');
  const live = worker.live.get(id);
  const expected = live?.operation.context['agent_secret'];
  if (!live || typeof expected !== 'string' || !isSame(secret, expected)) throw new Fault('unauthorized');
  return live;
}

/** Constant time whatever the lengths: digests are compared. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

async function nextCommand(live: LiveOperation, waitMs: number, signal: AbortSignal): Promise<Command | undefined> {
  // An operation that has failed gives no more orders, although the machine may still be up and asking.
  const pending = () =>
    live.operation.state === 'running' ? (live.operation.context['command'] as Command | undefined) : undefined;
  if (pending() || waitMs <= 0) return pending();
  const ended = new AbortController();
  const ready = new Promise<void>((resolve) => {
    live.commandReady.once('ready', resolve);
    ended.signal.addEventListener('abort', () => live.commandReady.off('ready', resolve));
  });
  try {
    await Promise.race([ready, delay(waitMs, undefined, { signal: AbortSignal.any([signal, ended.signal]) }).catch(() => {})]);
  } finally {
    ended.abort();
  }
  live.lastHeard = now();
  return pending();
}

function recordProgress({ store }: Parts, live: LiveOperation, progress: Progress): void {
  const isLast = progress.done_bytes >= progress.total_bytes;
  if (!isLast && now() - live.lastProgressEvent < progressEventMs) return;
  live.lastProgressEvent = now();
  const { done_bytes, total_bytes } = progress;
  store.events.append({
    ...eventOwner(live.operation),
    kind: 'agent',
    subject: 'progress',
    message: progress.message,
    data: { done_bytes, total_bytes },
  });
}

const required = ['i', 'k', 'a', 'n'] as const;

/**
 * The classic POST. The key is good for one node and one POST: the same POST again (its answer was lost) changes
 * nothing, any other use of the key is refused.
 */
async function takeDeployPost({ worker, store }: Parts, fields: Record<string, string>, from: string): Promise<void> {
  for (const name of required) {
    if (!fields[name]) throw new Fault('badRequest', { detail: `parameter '${name}' is not defined` });
  }
  const node = /^\d{1,9}$/.test(fields['i'] ?? '') ? await store.nodes.find({ id: Number(fields['i']) }) : undefined;
  const live = node && worker.live.ofNode(node.uuid);
  const key = live?.operation.context['deployment_key'];
  if (!live || typeof key !== 'string' || !isSame(fields['k'] ?? '', key))
    throw new Fault('badRequest', { detail: 'key is not match' });
  if (fields['a'] !== from)
    throw new Fault('badRequest', { detail: `parameter 'a' is ${fields['a']} but the request came from ${from}` });
  const { k: _, ...post } = fields;
  let isRepeat = false;
  await worker.remember(live, (context) => {
    const messages = (context['messages'] ?? {}) as Record<string, JsonObject>;
    const before = messages['deploy-post'];
    isRepeat = before !== undefined;
    if (before && JSON.stringify(before) !== JSON.stringify(post)) throw new Fault('badRequest', { detail: 'key is not match' });
    return { ...context, messages: { ...messages, 'deploy-post': post } };
  });
  if (isRepeat) return;
  live.lastHeard = now();
  const message = post['e']
    ? `The deploy ramdisk reports an error: ${post['e']}`
    : `The deploy ramdisk offers its disk: ${post['n']} at ${from}`;
  store.events.append({ ...eventOwner(live.operation), kind: 'agent', subject: 'deploy post', message, data: post });
  worker.wake(live.operation.id);
}

type MachineRequest = Parameters<MachineMessages['machineRequest']>[0];

type Admission = { strangers: Strangers; machines: MachineBudgets };

/** Finds the node by MAC and ties the request to the operation that has the node, if any. */
async function noteRequest({ store, worker }: Parts, admission: Admission, request: MachineRequest): Promise<void> {
  const port = request.mac ? await store.node_ports.find({ address: request.mac.toLowerCase() }) : undefined;
  if (port ? !admission.machines.admit(port.node_uuid) : !admission.strangers.admit()) return;
  const operation: Operation | undefined = port && worker.live.ofNode(port.node_uuid)?.operation;
  const { kind, subject, message, duration_ms, data } = request;
  store.events.append({
    kind,
    subject,
    message,
    node_uuid: port?.node_uuid ?? null,
    server_id: operation?.server_id ?? null,
    operation_id: operation?.id ?? null,
    ...(duration_ms !== undefined && { duration_ms }),
    data: { ...data, ...(request.mac && { mac: request.mac }), ...(request.address && { address: request.address }) },
  });
}
