/**
 * Agent authentication. The bootstrap token of the kernel command line is valid until one agent has presented it; that
 * agent gets the session token, which is stored only in the operation's row and in the agent's memory.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { imageToken } from '#agent-protocol/image-token.ts';
import { Fault } from '#domain/faults.ts';
import type { Requester } from '#domain/requesters.ts';
import type { BaseContext } from '../worker/base-context.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import type { Worker } from '../worker/worker.ts';

/** The agent bound to an operation; in the operation's context, so that it survives a restart of Ingot. */
export type AgentBinding = NonNullable<BaseContext['agent_binding']>;

export function bindingOf({ operation }: LiveOperation): AgentBinding | undefined {
  return operation.context.agent_binding;
}

export function newBinding(instance: string, requester: Requester, name: string): AgentBinding {
  return { instance: digest(instance), address: requester.address, name, session: randomBytes(32).toString('base64url') };
}

export function isBoundTo(binding: AgentBinding, instance: string, { address }: Requester): boolean {
  return isSame(digest(instance), binding.instance) && binding.address === address;
}

export function sessionToken({ operation }: LiveOperation, { session }: AgentBinding): string {
  return `${operation.id}.${session}`;
}

type Find = (worker: Worker, token: string, path?: string) => LiveOperation;

/** Tokens are `<operation id>.<secret>` and expire with their operation. Throws `unauthorized`. */
const finder =
  (secretOf: (live: LiveOperation, path: string) => unknown): Find =>
  (worker, token, path = '') => {
    const [id = '', secret = ''] = token.split('.');
    const live = worker.live.get(id);
    const expected = live && secretOf(live, path);
    if (!live || typeof expected !== 'string' || !isSame(secret, expected)) throw new Fault('unauthorized');
    return live;
  };

export const findByBootstrap = finder(({ operation }) => operation.context.agent_secret);
export const findBySession = finder((live) => bindingOf(live)?.session);
export const findByImageToken = finder((live, path) => {
  const binding = bindingOf(live);
  return binding && imageToken(sessionToken(live, binding), path).split('.')[1];
});

/** Compares digests, so the time is constant for all lengths. */
export function isSame(given: string, expected: string): boolean {
  const bytes = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(bytes(given), bytes(expected));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
