/**
 * The command API of Ironic's own agent (IPA), which listens in the ramdisk. Its replies are hostile input: the machine
 * may run anything. It is authenticated by the certificate of its heartbeat before a request is sent.
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { JsonObject } from '#domain/json.ts';
import { plainLine } from '#domain/plain-text.ts';
import { exchange, HttpError } from '#wire/http/http-exchange.ts';

/** An agent that has sent a heartbeat. */
export type IpaPeer = {
  /** `https://172.30.0.20:9999` */
  readonly url: string;
  /** SHA-256 of its certificate, in hex. */
  readonly certificate: string;
  readonly token: string;
};

export type IpaCall = { readonly name: string; readonly params: JsonObject };

const Text = Type.String({ maxLength: 256 });
export const IpaCommand = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9_-]+$' }),
  /** Without the extension: `execute_deploy_step`. */
  command_name: Text,
  command_status: Text,
  command_error: Type.Optional(Type.Unknown()),
  command_result: Type.Optional(Type.Unknown()),
});
export type IpaCommand = Static<typeof IpaCommand>;
const CommandList = Type.Object({ commands: Type.Array(IpaCommand, { maxItems: 1000 }) });

/**
 * - `silent`: no reply; it may come back;
 * - `busy`: it runs another command;
 * - `unfit`: another certificate, or a reply that is none;
 * - `refused`: it does not know the command, or not with these parameters; or its result cannot be used. Final.
 */
export type IpaFailure = 'silent' | 'busy' | 'unfit' | 'refused';

export class IpaError extends Error {
  override name = 'IpaError';
  readonly failure: IpaFailure;

  constructor(failure: IpaFailure, detail: string) {
    super(detail);
    this.failure = failure;
  }
}

/** Parameters that a reply repeats come on top: a config drive, at most `configDriveMax` (as text). */
const mostBytes = 8 * 1024 * 1024;
export const configDriveMax = 4 * 1024 * 1024;
/** A synchronous command ends before its reply: `sync` writes what is left in the ramdisk's memory to the disk. */
const commandMs = 300_000;
const queryMs = 30_000;
const textMax = 1500;

export class IpaClient {
  readonly #peer: IpaPeer;
  readonly #signal: AbortSignal;

  constructor(peer: IpaPeer, signal: AbortSignal) {
    this.#peer = peer;
    this.#signal = signal;
  }

  /** Starts a command; a synchronous one has ended then. Throws IpaError. */
  async start({ name, params }: IpaCall): Promise<IpaCommand> {
    const body = JSON.stringify({ name, params });
    return read(IpaCommand, await this.#ask('POST', '', { body, timeout: commandMs }));
  }

  /** Throws IpaError. */
  async find(id: string): Promise<IpaCommand> {
    return read(IpaCommand, await this.#ask('GET', id, { timeout: queryMs }));
  }

  /** All commands since its start, in order. Throws IpaError. */
  async list(): Promise<IpaCommand[]> {
    return read(CommandList, await this.#ask('GET', '', { timeout: queryMs })).commands;
  }

  async #ask(method: 'GET' | 'POST', id: string, { body, timeout }: { body?: string; timeout: number }): Promise<unknown> {
    const { url: base, certificate, token } = this.#peer;
    const url = new URL(`/v1/commands/${id}`, base);
    url.searchParams.set('agent_token', token);
    const reply = await exchange({
      ...{ method, url, body, timeout, mostBytes, signal: this.#signal },
      headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
      trust: { by: 'fingerprint', sha256: certificate },
    }).catch((error: unknown) => {
      if (!(error instanceof HttpError)) throw error;
      throw new IpaError(error.failure === 'silent' ? 'silent' : 'unfit', error.message);
    });
    const content = parse(reply.text);
    if (reply.status >= 200 && reply.status < 300) return content;
    throw refusal(reply.status, content);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function read<S extends typeof IpaCommand | typeof CommandList>(schema: S, content: unknown): Static<S> {
  if (!Value.Check(schema, content)) throw new IpaError('unfit', 'its reply cannot be understood');
  return content;
}

/** As by IPA: `faultstring` in the body; a busy agent answers 409, which older ones only say in words. */
function refusal(status: number, content: unknown): IpaError {
  const said = textOf((content as { faultstring?: unknown } | undefined)?.faultstring);
  if (status === 409 || /agent is busy/i.test(said)) return new IpaError('busy', said);
  const detail = said === '' ? `HTTP status ${status}` : said;
  return new IpaError(status < 500 ? 'refused' : 'silent', detail);
}

/** The reason of a failed command, on one line. */
export function errorOf({ command_error: error }: Pick<IpaCommand, 'command_error'>): string {
  const { details, message } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const said = textOf(details) || textOf(message) || textOf(error);
  return said === '' ? 'no reason given' : said;
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? plainLine(value.slice(0, textMax)).toWellFormed().trim() : '';
}
