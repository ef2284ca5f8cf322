/** A Keystone that says what the test tells it to. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export type KeystoneScript = {
  /** Replies to a question about a token. */
  validate: (request: IncomingMessage, reply: ServerResponse) => void;
  /** Logins so far. Each token is named by its number. */
  logins: number;
  /** Status of further logins. */
  loginStatus: number;
  /** Questions so far. */
  questions: string[];
};

export type ScriptedKeystone = KeystoneScript & { readonly url: string; stop(): Promise<void>; start(): Promise<void> };

type Tls = { readonly key: Buffer; readonly cert: Buffer };

export const anHourLater = () => new Date(Date.now() + 3_600_000).toISOString();

/** A token as Keystone shows it. */
export function aTokenReply(changes: object = {}): object {
  const domain = { id: 'default', name: 'Default' };
  return {
    token: {
      ...{ methods: ['password'], audit_ids: ['audit'], issued_at: '2026-01-01T00:00:00.000000Z', expires_at: anHourLater() },
      user: { id: 'u1', name: 'ann', domain, password_expires_at: null },
      project: { id: 'p1', name: 'web', domain },
      roles: [{ id: 'r1', name: 'member' }],
      ...{ is_domain: false, ...changes },
    },
  };
}

export function sendJson(reply: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  reply.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** @param tls key and certificate; default: without TLS */
export async function startScriptedKeystone(t: TestContext, tls?: Tls): Promise<ScriptedKeystone> {
  let port = 0;
  const respond = (request: IncomingMessage, reply: ServerResponse) => {
    if (request.method === 'POST') {
      keystone.logins += 1;
      const headers = { 'x-subject-token': `service-${keystone.logins}` };
      return sendJson(reply, keystone.loginStatus, aTokenReply(), keystone.loginStatus === 201 ? headers : {});
    }
    keystone.questions.push(`${request.url} ${request.headers['x-auth-token']} ${request.headers['x-subject-token']}`);
    keystone.validate(request, reply);
  };
  const server = tls ? createTlsServer(tls, respond) : createServer(respond);
  const keystone: ScriptedKeystone = {
    ...{ url: '', logins: 0, loginStatus: 201, questions: [] },
    validate: (_, reply) => sendJson(reply, 200, aTokenReply()),
    async stop() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
    async start() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.listen(port, '127.0.0.1', resolve);
      await promise;
      ({ port } = server.address() as AddressInfo);
    },
  };
  await keystone.start();
  t.after(() => server.listening && keystone.stop());
  return Object.assign(keystone, { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/v3` });
}
