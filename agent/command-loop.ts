import type { Command, Hello, HelloReply, Progress, Result } from '../agent-protocol/messages.ts';
import { errorMax, routes } from '../agent-protocol/routes.ts';
import type { Log } from './log.ts';
import type { ServerLink } from './server-link.ts';

/** Context of a command handler besides its parameters. */
export type CommandContext = {
  /** Cheap; the latest call is reported to the server about once a second. */
  progress(progress: { done_bytes: number; total_bytes: number; message: string }): void;
  signal: AbortSignal;
};

/** Result of a command, and the action after the server has received it (reboot, power off). */
export type CommandOutcome = { result: Record<string, unknown>; afterwards?: () => Promise<void> };
export type CommandHandler = (params: Record<string, unknown>, context: CommandContext) => Promise<CommandOutcome>;
export type CommandTable = Readonly<Record<string, CommandHandler>>;

const longPollSeconds = 30;
const progressEveryMs = 1000;

/** Says hello, then executes commands sequentially until `signal` aborts. */
export class CommandLoop {
  #link: ServerLink;
  #commands: CommandTable;
  #log: Log;
  #signal: AbortSignal;
  /** Results by command id: a server that missed one repeats the command and gets the same result. */
  #done = new Map<string, Result>();

  constructor(parts: { link: ServerLink; commands: CommandTable; log: Log; signal: AbortSignal }) {
    this.#link = parts.link;
    this.#commands = parts.commands;
    this.#log = parts.log;
    this.#signal = parts.signal;
  }

  async hello(describe: () => Hello): Promise<void> {
    const reply = await this.#link.untilHeard(
      () => this.#link.post(routes.hello, describe()),
      (message) => this.#log.info(`hello failed, retrying: ${message}`),
    );
    this.#link.token = (reply as HelloReply).session;
    this.#log.info('the server accepted our hello');
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      const command = await this.#next();
      if (command) await this.#execute(command);
    }
  }

  async #next(): Promise<Command | undefined> {
    const ask = () => this.#link.post(routes.next, { wait_seconds: longPollSeconds }, (longPollSeconds + 15) * 1000);
    const answer = await this.#link.untilHeard(ask, (message) =>
      this.#log.info(`no reply from the server, retrying: ${message}`),
    );
    return answer as Command | undefined;
  }

  async #execute(command: Command): Promise<void> {
    const known = this.#done.get(command.id);
    if (known) return this.#report(known);
    this.#log.info(`command ${command.name} started`);
    const started = performance.now();
    const { result, afterwards } = await this.#try(command);
    this.#done.set(command.id, result);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    this.#log.info(`command ${command.name} ${result.ok ? 'is done' : `failed: ${result.error}`} (${seconds} s)`);
    await this.#report(result);
    await this.sendLog();
    await afterwards?.();
  }

  async #try(command: Command): Promise<{ result: Result; afterwards?: () => Promise<void> }> {
    const ticker = new ProgressTicker(command.id, this.#link);
    try {
      const handler = this.#commands[command.name];
      if (!handler) throw new Error(`this agent does not know the command ${command.name}`);
      const progress: CommandContext['progress'] = (step) => ticker.note(step);
      const outcome = await handler(command.params, { progress, signal: this.#signal });
      return { result: { command_id: command.id, ok: true, result: outcome.result }, afterwards: outcome.afterwards };
    } catch (error) {
      return { result: { command_id: command.id, ok: false, error: (error as Error).message.slice(0, errorMax) } };
    } finally {
      await ticker.stop();
    }
  }

  async #report(result: Result): Promise<void> {
    await this.#link.untilHeard(
      () => this.#link.post(routes.result, result),
      (message) => this.#log.info(`could not report the result, retrying: ${message}`),
    );
  }

  /** Tries once; undelivered lines are sent with a later call. */
  async sendLog(): Promise<void> {
    const lines = this.#log.take();
    if (lines.length === 0) return;
    await this.#link.post(routes.log, { lines }, 5000).catch(() => this.#log.putBack(lines));
  }
}

/** Sends the latest progress once a second, even without change: it is also the heartbeat during a command. */
class ProgressTicker {
  #latest: Progress;
  #link: ServerLink;
  #timer: NodeJS.Timeout;
  #sending: Promise<void> | undefined;

  constructor(commandId: string, link: ServerLink) {
    this.#latest = { command_id: commandId, done_bytes: 0, total_bytes: 0, message: 'begun' };
    this.#link = link;
    this.#timer = setInterval(() => this.#send(), progressEveryMs);
  }

  note(progress: { done_bytes: number; total_bytes: number; message: string }): void {
    this.#latest = { command_id: this.#latest.command_id, ...progress };
  }

  /** Sends the final progress, so that the record ends where the work ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sending;
    if (this.#latest.message !== 'begun') this.#send();
    await this.#sending;
  }

  #send(): void {
    if (this.#sending) return;
    const heard = this.#link.post(routes.progress, this.#latest, 5000).catch(() => {});
    this.#sending = heard.then(() => {
      this.#sending = undefined;
    });
  }
}
