/** Follows asynchronous operations of a service: task monitors, tasks and jobs. DSP0266 "Asynchronous operations". */
import { pause } from '#async/timers.ts';
import { linkOf, pathOf } from './links.ts';
import { isObject, type Message, readMessages } from './messages.ts';
import { type Json, RedfishError, type RedfishReply, type Resource } from './redfish-client.ts';
import { withMessages } from './reply.ts';

export type Followed = {
  /** The request that was accepted as a task. */
  readonly request: string;
  /** Secrets of the request: a failed task may echo them. */
  readonly secrets?: readonly string[] | undefined;
};

export type Following = Followed & {
  readonly get: (path: string) => Promise<RedfishReply>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  /** Poll interval in milliseconds if the service does not set one. */
  readonly pause: number;
};

/**
 * Final values of TaskState (Task 1.x) and JobState (Job 1.x); others mean in progress. `UserIntervention` lasts until
 * an operator does what its messages ask for, so waiting is pointless.
 */
const stateTable: Readonly<Record<string, 'done' | 'failed'>> = {
  Completed: 'done',
  CompletedWithErrors: 'failed',
  Exception: 'failed',
  Killed: 'failed',
  Cancelled: 'failed',
  Failed: 'failed',
  Invalid: 'failed',
  UserIntervention: 'failed',
  CompletedWithWarnings: 'done',
};

const longestPauseMs = 30_000;

/**
 * @returns the response that the request would have had, or the task itself if its monitor only reports the end
 * @throws RedfishError `answered` with the task's messages if it failed or timed out
 */
export async function followTask(accepted: RedfishReply, following: Following): Promise<RedfishReply> {
  const path = pathOfTask(accepted);
  if (path === undefined) return accepted;
  const until = Date.now() + following.timeout;
  let reply = accepted;
  for (;;) {
    const wait = pauseOf(reply, following.pause);
    if (Date.now() + wait > until) throw tooSlow(following, reply.body, following.timeout);
    await pause(wait, following.signal).catch(() => {
      throw new RedfishError('closed', { request: following.request, detail: 'it was cancelled' });
    });
    reply = await following.get(path);
    if (isTaskDone(reply, following)) return reply;
  }
}

/** Undefined: some services accept without a task to follow; the resource shows the effect. */
export function pathOfTask({ headers, body }: RedfishReply): string | undefined {
  return pathOf(headers['location']) ?? pathOf(body['TaskMonitor']) ?? taskPath(body);
}

/** @throws RedfishError `answered` with the task's messages if it failed */
export function isTaskDone(reply: Pick<RedfishReply, 'status' | 'body'>, followed: Followed): boolean {
  const end = endOf(reply);
  if (end === 'failed') throw failed(followed, reply.body);
  return end === 'done';
}

/** The service works at it no more, without success. A task that waits for somebody may go on. */
export function hasTaskFailed(reply: Pick<RedfishReply, 'status' | 'body'>): boolean {
  return endOf(reply) === 'failed' && stateOf(reply.body) !== 'UserIntervention';
}

/** A monitor returns 202 until the end; a task or job always returns 200 and its state. */
function endOf({ status, body }: Pick<RedfishReply, 'status' | 'body'>): 'done' | 'failed' | undefined {
  const state = stateOf(body);
  if (state === undefined) return status === 202 ? undefined : 'done';
  const end = Object.hasOwn(stateTable, state) ? stateTable[state] : undefined;
  return end === 'done' && body['TaskStatus'] === 'Critical' ? 'failed' : end;
}

function stateOf(body: Resource): string | undefined {
  const type = body['@odata.type'];
  if (typeof type === 'string' && !/^#(\w*Task|\w*Job)\./.test(type)) return undefined;
  const state = body['TaskState'] ?? body['JobState'];
  return typeof state === 'string' ? state : undefined;
}

function taskPath(body: Resource): string | undefined {
  return stateOf(body) === undefined ? undefined : linkOf(body as Json);
}

/** `Retry-After` is seconds or a date (RFC 9110 section 10.2.3). */
export function retryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Milliseconds until the next poll. */
export function pauseOf({ headers }: Pick<RedfishReply, 'headers'>, usual: number): number {
  return Math.min(Math.max(retryAfter(headers) ?? usual, Math.min(usual, 100)), longestPauseMs);
}

function failed({ request, secrets = [] }: Followed, body: Resource): RedfishError {
  const state = stateOf(body);
  const messages: Message[] = readMessages(body['Messages']);
  const own = isObject(body['Message'])
    ? []
    : readMessages({ Message: body['Message'] ?? '', MessageId: body['MessageId'] ?? '' });
  const what = state === 'UserIntervention' ? `its task waits for somebody (${state})` : `its task ended as ${state}`;
  return withMessages('answered', { request, secrets, what, messages: [...messages, ...own] });
}

/** @param timeout in milliseconds */
export function tooSlow({ request }: Followed, body: Resource, timeout: number): RedfishError {
  const percent = typeof body['PercentComplete'] === 'number' ? `, ${body['PercentComplete']}% done` : '';
  const state = stateOf(body) ?? 'under way';
  return new RedfishError('answered', { request, detail: `its task is still ${state}${percent} after ${timeout / 1000} s` });
}
