/** Requests to an existing Keystone. Whatever prevents a reply is a `KeystoneError`, which never contains what was sent. */
import type { Agent, IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { Agent as PlainAgent, request } from '#node-http/http.ts';
import { responseTo } from '#node-http/response-to.ts';
import { readJson } from '../read-json.ts';

export class KeystoneError extends Error {
  override name = 'KeystoneError';
}

export type KeystoneRequest = {
  readonly method: 'GET' | 'POST';
  /** Below `/v3`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
};

/** `body`: parsed; undefined if it is no JSON. */
export type KeystoneReply = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: unknown };

export type KeystoneAddress = {
  /** With or without `/v3`. */
  readonly url: string;
  /** Certificates of authorities, PEM; default: those of the system. */
  readonly authorities?: string | undefined;
  readonly timeoutMs: number;
};

const connectionsMax = 32;

export class KeystoneHttp {
  readonly #base: URL;
  readonly #timeoutMs: number;
  readonly #agent: Agent;

  constructor({ url, authorities, timeoutMs }: KeystoneAddress) {
    const plain = url.replace(/\/+$/, '');
    this.#base = new URL(plain.endsWith('/v3') ? plain : `${plain}/v3`);
    this.#timeoutMs = timeoutMs;
    const options = { keepAlive: true, maxSockets: connectionsMax, maxFreeSockets: connectionsMax };
    this.#agent =
      this.#base.protocol === 'https:'
        ? new TlsAgent({ ...options, ...(authorities !== undefined && { ca: authorities }) })
        : new PlainAgent(options);
  }

  /** All requests only read or log in, so that one whose connection was just being closed is sent again. @throws KeystoneError */
  async send(given: KeystoneRequest): Promise<KeystoneReply> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await this.#exchange(given, signal).catch((error: Error) => {
        if (!(error instanceof ClosedConnection)) throw error;
        return this.#exchange(given, signal);
      });
    } catch (error) {
      if (error instanceof KeystoneError) throw error;
      const { name, code, message } = error as NodeJS.ErrnoException;
      const isLate = name === 'AbortError' || name === 'TimeoutError';
      throw new KeystoneError(isLate ? `it did not respond in ${this.#timeoutMs / 1000} s` : (code ?? message), { cause: error });
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #exchange({ method, path, headers = {}, body }: KeystoneRequest, signal: AbortSignal): Promise<KeystoneReply> {
    const text = body && JSON.stringify(body);
    const outgoing = (this.#base.protocol === 'https:' ? tlsRequest : request)(`${this.#base.href}${path}`, {
      ...{ method, signal, agent: this.#agent },
      headers: {
        ...{ accept: 'application/json', 'user-agent': 'ingot', ...headers },
        ...(text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
    });
    const head = responseTo(outgoing);
    outgoing.end(text);
    const response = await head.catch((error: NodeJS.ErrnoException) => {
      const wasClosed = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      throw wasClosed ? new ClosedConnection('closed', { cause: error }) : error;
    });
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: await readJson(response, (detail) => new KeystoneError(detail)),
    };
  }
}

class ClosedConnection extends Error {}
