/**
 * How an agent proves which operation it belongs to. The bootstrap token of the kernel line is good until one agent has
 * presented it; that agent gets the session token, which stands nowhere but in the operation's row and in its memory.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { imageToken } from '#agent-protocol/image-token.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/records.ts';
import type { Requester } from '#domain/requesters.ts';
import type { LiveOperation } from './live-operations.ts';
import type { Worker } from './worker.ts';

/** Which agent an operation belongs to: in its context, so that a restart of Ingot changes nothing. */
export type AgentBinding = {
  /** Digest of what the agent drew. */
  readonly instance: string;
  readonly address: string;
  /** As told in messages: with the MAC. */
  readonly name: string;
  readonly session: string;
};

export function bindingOf({ operation }: LiveOperation): AgentBinding | undefined {
  return operation.context['agent_binding'] as AgentBinding | undefined;
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

/** Tokens are `<operation id>.<secret>`; an operation that has ended has no token any more. Throws `unauthorized`. */
const finder =
  (secretOf: (live: LiveOperation, path: string) => unknown): Find =>
  (worker, token, path = '') => {
    const [id = '', secret = ''] = token.split('.');
    const live = worker.live.get(id);
    const expected = live && secretOf(live, path);
    if (!live || typeof expected !== 'string' || !isSame(secret, expected)) throw new Fault('unauthorized');
    return live;
  };

export const findByBootstrap = finder(({ operation }) => (operation.context as JsonObject)['agent_secret']);
export const findBySession = finder((live) => bindingOf(live)?.session);
export const findByImageToken = finder((live, path) => {
  const binding = bindingOf(live);
  return binding && imageToken(sessionToken(live, binding), path).split('.')[1];
});

/** Constant time whatever the lengths: digests are compared. */
export function isSame(given: string, expected: string): boolean {
  const bytes = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(bytes(given), bytes(expected));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
