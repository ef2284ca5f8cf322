/**
 * Talks to Ironic's own agents (IPA) in the place of Ingot's agent: takes the pending command of an operation, has IPA do
 * it by calls of its command API, and stores the reply. It is driven by new commands, heartbeats (IPA sends one when a
 * call has ended), and a timer for heartbeats that are lost. All progress is in the operation's row.
 */
import type { Logger } from 'pino';
import type { Command } from '#agent-protocol/messages.ts';
import { LongTimer } from '#async/timers.ts';
import { asFault, Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { AgentReply } from '#drivers/interfaces.ts';
import { type Done, errorOf, type IpaCall, IpaClient, type IpaCommand, IpaError, programOf } from '#drivers/ipa/index.ts';
import type { BaseContext } from '../worker/base-context.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import { now } from '../worker/step-deadlines.ts';
import type { MessageParts } from './agent-binding.ts';
import { bindingOf } from './agent-tokens.ts';
import { keepReply } from './command-replies.ts';
import { factsFor, takeInventory } from './ipa-facts.ts';

export type IpaTimes = {
  /** Until a running call is asked for again, unless a heartbeat comes first; milliseconds. */
  pollMs: number;
};

const usualTimes: IpaTimes = { pollMs: 15_000 };

type Ipa = NonNullable<BaseContext['ipa']>;
type Work = NonNullable<Ipa['work']>;
type Parts = MessageParts & { log: Pick<Logger, 'error'> };
type Pending = { live: LiveOperation; client: IpaClient; command: Command };

/** What this process knows of one conversation. */
type Conversation = {
  readonly timer: LongTimer;
  isRunning: boolean;
  isWoken: boolean;
  /** Since when no call succeeds. */
  failingSince: number | undefined;
};

export class IpaConversations {
  readonly #parts: Parts;
  readonly #times: IpaTimes;
  readonly #stop = new AbortController();
  readonly #open = new Map<LiveOperation, Conversation>();

  constructor(parts: Parts, times = usualTimes) {
    this.#parts = parts;
    this.#times = times;
  }

  /** There is news for this operation: a command, or a heartbeat. */
  wake(live: LiveOperation): void {
    if (this.#stop.signal.aborted || !live.operation.context.ipa?.peer) return;
    const conversation = this.#open.get(live) ?? this.#begin(live);
    conversation.isWoken = true;
    if (!conversation.isRunning) void this.#run(live, conversation);
  }

  stop(): void {
    this.#stop.abort(new Error('Ingot is stopping'));
    for (const { timer } of this.#open.values()) timer.clear();
    this.#open.clear();
  }

  #begin(live: LiveOperation): Conversation {
    const conversation = { timer: new LongTimer(), isRunning: false, isWoken: false, failingSince: undefined };
    this.#open.set(live, conversation);
    this.#parts.worker.live.onEnd(live.operation.id, () => {
      conversation.timer.clear();
      this.#open.delete(live);
    });
    return conversation;
  }

  async #run(live: LiveOperation, conversation: Conversation): Promise<void> {
    conversation.isRunning = true;
    conversation.timer.clear();
    while (conversation.isWoken && !this.#stop.signal.aborted) {
      conversation.isWoken = false;
      const rest = await this.#advance(live, conversation).catch((error: unknown) => this.#fail(live, error));
      if (rest === 'again later' && this.#open.has(live)) conversation.timer.set(this.#times.pollMs, () => this.wake(live));
    }
    conversation.isRunning = false;
  }

  /** Goes on until the agent works, or there is nothing to do. */
  async #advance(live: LiveOperation, conversation: Conversation): Promise<'again later' | 'idle'> {
    for (;;) {
      try {
        const state = await this.#next(live);
        conversation.failingSince = undefined;
        if (state !== 'next') return state;
      } catch (error) {
        if (!(error instanceof IpaError)) throw error;
        this.#noteFailure(live, conversation, error);
        return 'again later';
      }
    }
  }

  async #next(live: LiveOperation): Promise<'next' | 'again later' | 'idle'> {
    const { operation } = live;
    const { ipa, agent, command } = operation.context;
    const token = bindingOf(live)?.session;
    if (operation.state !== 'running' || !ipa?.peer || token === undefined) return 'idle';
    const client = new IpaClient({ ...ipa.peer, token }, this.#stop.signal);
    if (!agent) return this.#introduce(live, client);
    return command ? this.#work({ live, client, command }) : 'idle';
  }

  /** Before the first command: what machine is it? */
  async #introduce(live: LiveOperation, client: IpaClient): Promise<'next'> {
    const reported = await client.start({ name: 'poll.get_hardware_info', params: {} });
    if (reported.command_status !== 'SUCCEEDED') throw new IpaError('refused', errorOf(reported));
    await takeInventory(this.#parts, live, reported.command_result);
    live.agent.heard();
    this.#parts.worker.wake(live.operation.id);
    return 'next';
  }

  async #work(pending: Pending): Promise<'next' | 'again later'> {
    const { live, command } = pending;
    const program = programOf(command.name);
    if (!program) return this.#reply(pending, { ok: false, error: `Ironic's agent has no command for ${command.name}` });
    const kept = live.operation.context.ipa?.work;
    const work: Work = kept?.command === command.id ? kept : { command: command.id, done: [] };
    const next = await program.next(command.params as JsonObject, work.done as Done[], await factsFor(this.#parts, live));
    if ('reply' in next) return this.#reply(pending, next.reply);
    const { call, started } = await this.#callOnce(pending, work, next.call);
    if (started === undefined || call.command_status === 'RUNNING') return 'again later';
    if (call.command_status !== 'SUCCEEDED') return this.#reply(pending, { ok: false, error: errorOf(call) });
    const seconds = Math.max(0, (Date.now() - Date.parse(started)) / 1000);
    const done = { ...program.keep(call.command_result, work.done.length), seconds };
    await this.#save(live, { command: command.id, done: [...work.done, done] });
    return 'next';
  }

  /**
   * Sends the call unless it was sent before: the count of former commands is written first, so that a call whose reply
   * was lost is found in the agent's list.
   */
  async #callOnce(pending: Pending, work: Work, next: IpaCall): Promise<{ call: IpaCommand; started: string }> {
    const { live, client } = pending;
    if (work.sent?.id !== undefined) return { call: await client.find(work.sent.id), started: work.sent.at };
    const commands = await client.list();
    const lost = work.sent && commands[work.sent.known];
    const sent = work.sent && lost ? work.sent : { known: commands.length, at: new Date().toISOString() };
    if (!lost) await this.#save(live, { ...work, sent });
    const call = lost ?? (await client.start(next));
    if (call.command_name !== next.name.split('.')[1]) throw new IpaError('unfit', `it runs ${call.command_name}`);
    await this.#save(live, { ...work, sent: { ...sent, id: call.id } });
    return { call, started: sent.at };
  }

  async #reply({ live, command }: Pending, reply: AgentReply): Promise<'next'> {
    await keepReply(this.#parts, live, command.id, reply);
    return 'next';
  }

  async #save(live: LiveOperation, work: Work): Promise<void> {
    await this.#parts.worker.saveContext(live, (context) => ({ ...context, ipa: { ...context.ipa, work } }));
    live.agent.heard();
  }

  /** A refusal is final; silence or nonsense is, once it has lasted as long as an agent may be silent. */
  #noteFailure(live: LiveOperation, conversation: Conversation, { failure, message }: IpaError): void {
    conversation.failingSince ??= now();
    if (failure === 'busy') conversation.failingSince = undefined;
    const isFinal = failure === 'refused' || now() - (conversation.failingSince ?? now()) > this.#silenceMs;
    if (isFinal) this.#cancel(live, `its command API: ${message}`);
  }

  get #silenceMs(): number {
    return this.#parts.settings['deploy.silence_timeout'] * 1000;
  }

  #cancel({ operation }: LiveOperation, detail: string): void {
    const command = operation.context.command?.name ?? 'report its hardware';
    this.#parts.worker.cancel(operation.id, new Fault('agentFailed', { command, detail }));
  }

  #fail(live: LiveOperation, error: unknown): 'again later' | 'idle' {
    if (this.#stop.signal.aborted) return 'idle';
    // The row could not be written: it says where to continue.
    if (this.#parts.store.hasFailed(error)) return 'again later';
    if (!(error instanceof Fault))
      this.#parts.log.error({ err: error, operation: live.operation.id }, 'unexpected error with an agent');
    this.#parts.worker.cancel(live.operation.id, asFault(error));
    return 'idle';
  }
}
