/** Requests of a test to the API, each reply compared with the published document. */
import type { RackFixture } from '#test/rack-fixture.ts';
import type { ReplyCheck } from './reply-check.ts';

/** Sends a request and returns the body of a reply that reports success; throws otherwise. */
// biome-ignore lint/suspicious/noExplicitAny: each reply has a shape of its own
export type Send = (method: Method, url: string, body?: unknown) => Promise<any>;
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

type SendOptions = { prefix: string; version?: string; headers?: Record<string, string> };

export function sender(
  fixture: RackFixture,
  check: ReplyCheck | undefined,
  { prefix, version, headers = {} }: SendOptions,
): Send {
  return async (method, path, body) => {
    const url = `${prefix}${path}`;
    const request = { method, url, headers, ...(body !== undefined && { payload: body as object }) };
    const reply = await fixture.ask(request);
    // Not supported, as docs/limits.md says: nothing to compare.
    if (reply.status === 501) check?.skip({ method, url });
    else if (reply.status >= 300)
      throw new Error(`${method} ${url} at ${version}: ${reply.status} ${JSON.stringify(reply.body)}`);
    const action = path.endsWith('/action') ? Object.keys(body as object)[0] : undefined;
    check?.add({ method, url, status: reply.status, body: reply.body, version, action });
    return reply.body;
  };
}
