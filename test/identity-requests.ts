/** Requests of the identity service in tests, and logins. */
import assert from 'node:assert/strict';
import type { ApiFixture } from './api-fixture.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export const password = 'a long password';

/** Sends requests as the administrator, or with another token. */
export function identityOf(fixture: ApiFixture) {
  const base = '/identity/v3';
  const ask = (method: Method, path: string, payload?: object, token?: string) =>
    fixture.ask({
      ...{ method, url: `${base}/${path}`, headers: token === undefined ? {} : { 'x-auth-token': token } },
      ...(payload && { payload }),
    });

  /** The body of a reply that reports success. */
  async function send(method: Method, path: string, payload?: object, token?: string) {
    const reply = await ask(method, path, payload, token);
    assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  async function logInBy(identity: object, scope?: unknown) {
    const payload = { auth: { identity, ...(scope !== undefined && { scope: scope as object }) } };
    const reply = await fixture.app.inject({ method: 'POST', url: `${base}/auth/tokens`, payload });
    return {
      status: reply.statusCode,
      token: String(reply.headers['x-subject-token']),
      headers: reply.headers,
      body: reply.json(),
    };
  }

  const logIn = (user_id: string, scope?: unknown) =>
    logInBy({ methods: ['password'], password: { user: { id: user_id, password } } }, scope);

  return {
    ask,
    send,
    logInBy,
    logIn,
    statusOf: async (...request: Parameters<typeof ask>) => (await ask(...request)).status,
    messageOf: async (...request: Parameters<typeof ask>) => String((await ask(...request)).body.error?.message),
    /** A token that a user gets by a password. */
    tokenOf: async (user_id: string, scope?: unknown) => {
      const { status, token, body } = await logIn(user_id, scope);
      assert.equal(status, 201, JSON.stringify(body));
      return token;
    },
    aUser: async (name: string, fields: object = {}): Promise<string> =>
      (await send('POST', 'users', { user: { name, password, ...fields } })).user.id,
    aProject: async (name: string, fields: object = {}): Promise<string> =>
      (await send('POST', 'projects', { project: { name, ...fields } })).project.id,
    aDomain: async (name: string): Promise<string> => (await send('POST', 'domains', { domain: { name } })).domain.id,
    /** The names of the roles of a token; undefined once it is no longer valid. */
    rolesOf: async (token: string): Promise<string[] | undefined> => {
      const headers = { 'x-auth-token': token, 'x-subject-token': token };
      const { status, body } = await fixture.ask({ url: `${base}/auth/tokens`, headers });
      return status === 200 ? (body.token.roles ?? []).map(({ name }: { name: string }) => name) : undefined;
    },
  };
}
