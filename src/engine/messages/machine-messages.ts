/** Messages from machines: those of the agent, the classic POST, and DHCP and file requests. */

import { type Command, type Progress, type Result, routes } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Requester } from '#domain/requesters.ts';
import type { AgentReply } from '#drivers/interfaces.ts';
import type { MachineMessages } from '../contract.ts';
import { MachineRecord } from '../nodes/machine-record.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import { configDriveOf, type TaskParts } from '../worker/task.ts';
import type { Worker } from '../worker/worker.ts';
import { bindAgent, endOutdated, type MessageParts, refuseOtherAddress, refuseOtherRequester } from './agent-binding.ts';
import { findByBootstrap, findByImageToken, findBySession } from './agent-tokens.ts';
import type { BootWatch } from './boot-watch.ts';
import { keepReply } from './command-replies.ts';
import { noteLoaderUuid, takeDeployPost } from './deploy-post.ts';
import { ipaHeartbeat, ipaLookup } from './ipa-binding.ts';
import type { IpaConversations } from './ipa-conversations.ts';

/** It is in the operation's folder, but after a restart of Ingot. */
const configDriveMs = 60_000;

type Parts = TaskParts & {
  worker: Worker;
  bootWatch: Pick<BootWatch, 'consider'>;
  ipa: Pick<IpaConversations, 'wake'>;
};

export function machineMessages(given: Parts): MachineMessages {
  const parts: MessageParts = { ...given, record: new MachineRecord(given) };
  const { worker, record } = parts;
  const fromAgent = (token: string): LiveOperation => {
    const live = findBySession(worker, token);
    live.agent.heard();
    return live;
  };
  return {
    agentAdmit: (token, requester, message) => admit(parts, { token, requester, message }),
    agentHello: (token, body, requester) => bindAgent(parts, { token, body, requester }),
    async agentOutdated(token, requester) {
      const live = findByBootstrap(worker, token);
      await refuseOtherRequester(parts, live, { requester, deed: 'presented the agent token of this operation' });
      throw endOutdated(parts, live, '1');
    },
    agentNext: async (token, waitMs, signal) => nextCommand(fromAgent(token), waitMs, signal),
    async agentProgress(token, progress) {
      recordProgress(parts, fromAgent(token), progress);
    },
    agentResult: async (token, result) => takeResult(parts, fromAgent(token), result),
    async agentLog(token, lines) {
      const { operation } = fromAgent(token);
      for (const line of lines) record.agent(operation, { subject: 'log', message: line, data: {} });
    },
    async agentImage(token, path, requester) {
      const live = findByImageToken(worker, token, path);
      refuseOtherAddress(parts, live, requester);
      expectCommanded(live, path);
    },
    async agentConfigDrive(token) {
      const live = fromAgent(token);
      expectCommanded(live, routes.configDrive);
      const path = await configDriveOf(parts, live.operation, AbortSignal.timeout(configDriveMs));
      if (path === undefined) throw new Fault('notFound', { what: 'Config drive of operation', id: live.operation.id });
      return path;
    },
    ipaLookup: (token, query, requester) => ipaLookup(parts, { token, requester }, query),
    async ipaHeartbeat(token, heartbeat, requester) {
      given.ipa.wake(await ipaHeartbeat(parts, { token, requester }, heartbeat));
    },
    deployPost: (fields, requester) => takeDeployPost(parts, fields, requester),
    // Only an event record, not a command: during shutdown the store may already be closed.
    machineRequest: (request) => void takeRequest({ ...parts, bootWatch: given.bootWatch }, request).catch(() => {}),
  };
}

async function takeRequest(
  { bootWatch, ...parts }: MessageParts & Pick<Parts, 'bootWatch'>,
  request: Parameters<MachineMessages['machineRequest']>[0],
): Promise<void> {
  const [isRecorded] = await Promise.all([parts.record.request(request), noteLoaderUuid(parts, request)]);
  if (isRecorded) await bootWatch.consider(request);
}

async function admit(
  parts: MessageParts,
  { token, requester, message }: { token: string; requester: Requester; message: 'hello' | 'other' },
) {
  const find = message === 'hello' ? findByBootstrap : findBySession;
  const live = find(parts.worker, token);
  if (message === 'hello')
    await refuseOtherRequester(parts, live, { requester, deed: 'presented the agent token of this operation' });
  else refuseOtherAddress(parts, live, requester);
  const admitted = live.agent.admit();
  if (admitted === 'ok') return;
  if (admitted === 'throttling begins')
    parts.record.agent(live.operation, {
      subject: 'budget',
      message: 'The agent sends too many requests and is throttled',
      data: {},
    });
  throw new Fault('tooManyRequests', { what: 'messages of this agent', seconds: 60 });
}

/** An agent may fetch only what its current command tells it to write, never another tenant's image. */
function expectCommanded(live: LiveOperation, path: string): void {
  if (pendingOf(live)?.params['path'] === path) return;
  throw new Fault('forbidden', { detail: `The command of this operation does not name ${path.slice(0, 100)}.` });
}

/** A failed operation sends no more commands, although the machine may still poll. */
function pendingOf({ operation }: LiveOperation): Command | undefined {
  return operation.state === 'running' ? operation.context.command : undefined;
}

async function nextCommand(live: LiveOperation, waitMs: number, signal: AbortSignal): Promise<Command | undefined> {
  if (pendingOf(live) || waitMs <= 0) return pendingOf(live);
  await live.agent.untilQueued(waitMs, signal);
  live.agent.heard();
  return pendingOf(live);
}

/** Every message counts as a sign of life, but few are recorded. */
function recordProgress({ record }: MessageParts, live: LiveOperation, progress: Progress): void {
  const { command_id, done_bytes, total_bytes, message } = progress;
  if (pendingOf(live)?.id !== command_id || !live.agent.takeProgress(progress)) return;
  record.agent(live.operation, { subject: 'progress', message, data: { done_bytes, total_bytes } });
}

async function takeResult(parts: MessageParts, live: LiveOperation, result: Result): Promise<void> {
  const reply: AgentReply = result.ok
    ? { ok: true, result: (result.result ?? {}) as JsonObject }
    : { ok: false, error: result.error ?? 'no reason given' };
  await keepReply(parts, live, result.command_id, reply);
}
