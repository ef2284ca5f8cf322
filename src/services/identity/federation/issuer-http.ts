/** Requests to an issuer of OpenID Connect. Redirects are not followed, and what is sent is in no error. */
import type { Agent } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { Agent as PlainAgent, request } from '#node-http/http.ts';
import { responseTo } from '#node-http/response-to.ts';
import { readJson } from '../read-json.ts';

/** The issuer cannot be used: the message continues `the issuer cannot be asked:`. */
export class IssuerError extends Error {
  override name = 'IssuerError';
}

export type IssuerRequest = {
  readonly url: URL;
  readonly authorization?: string;
  /** Sent as a form by POST; without it the request is a GET. */
  readonly form?: Readonly<Record<string, string>>;
};
export type IssuerReply = { readonly status: number; readonly body: unknown };

const connectionsMax = 8;

export class IssuerHttp {
  readonly #timeoutMs: number;
  readonly #plain = new PlainAgent({ maxSockets: connectionsMax });
  readonly #tls: Agent;

  constructor({ authorities, timeoutMs }: { authorities: string | undefined; timeoutMs: number }) {
    this.#timeoutMs = timeoutMs;
    this.#tls = new TlsAgent({ maxSockets: connectionsMax, ...(authorities !== undefined && { ca: authorities }) });
  }

  close(): void {
    this.#plain.destroy();
    this.#tls.destroy();
  }

  /** @throws IssuerError */
  async send(given: IssuerRequest): Promise<IssuerReply> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await this.#exchange(given, signal);
    } catch (error) {
      if (error instanceof IssuerError) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      const what = signal.aborted ? `it did not respond in ${this.#timeoutMs / 1000} s` : (code ?? message);
      throw new IssuerError(what, { cause: error });
    }
  }

  async #exchange({ url, authorization, form }: IssuerRequest, signal: AbortSignal): Promise<IssuerReply> {
    const text = form && new URLSearchParams(form).toString();
    const isTls = url.protocol === 'https:';
    const outgoing = (isTls ? tlsRequest : request)(url, {
      ...{ method: text === undefined ? 'GET' : 'POST', signal, agent: isTls ? this.#tls : this.#plain },
      headers: {
        ...{ accept: 'application/json', 'user-agent': 'ingot' },
        ...(authorization !== undefined && { authorization }),
        ...(text !== undefined && {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(text),
        }),
      },
    });
    const head = responseTo(outgoing);
    outgoing.end(text);
    const response = await head;
    return { status: response.statusCode ?? 0, body: await readJson(response, (detail) => new IssuerError(detail)) };
  }
}
