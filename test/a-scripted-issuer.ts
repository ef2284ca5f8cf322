/** An issuer of OpenID Connect that says what the test tells it to. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

type Answer = (request: IncomingMessage, reply: ServerResponse, body: string) => void;

export type ScriptedIssuer = {
  readonly url: string;
  /** Answers by path; those of the configuration and the keys may be replaced. */
  readonly answers: Record<string, Answer>;
  /** Requests so far, by path. */
  readonly asked: Record<string, number>;
  /** The keys that it publishes. */
  keys: JWK[];
  /** Makes another key, published or not. */
  addKey(kid: string, options?: { alg?: string; isPublished?: boolean }): Promise<void>;
  /** A token for an hour, unless the claims say otherwise, signed by the key; `header`: further parameters. */
  sign(claims: object, options?: { kid?: string; header?: object }): Promise<string>;
};

export const sendJson = (reply: ServerResponse, body: unknown, status = 200) =>
  reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

export async function startScriptedIssuer(t: TestContext): Promise<ScriptedIssuer> {
  const server = createServer(async (request, reply) => {
    const path = request.url ?? '';
    issuer.asked[path] = (issuer.asked[path] ?? 0) + 1;
    let body = '';
    for await (const part of request) body += part;
    const answer = issuer.answers[path];
    if (answer) answer(request, reply, body);
    else reply.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const signers = new Map<string, { key: CryptoKey; alg: string }>();
  const issuer: ScriptedIssuer = {
    url,
    asked: {},
    keys: [],
    answers: {
      '/.well-known/openid-configuration': (_request, reply) =>
        sendJson(reply, {
          issuer: url,
          jwks_uri: `${url}/keys`,
          userinfo_endpoint: `${url}/me`,
          introspection_endpoint: `${url}/ask`,
          authorization_endpoint: `${url}/login?tenant=1`,
          token_endpoint: `${url}/tokens`,
        }),
      '/keys': (_request, reply) => sendJson(reply, { keys: issuer.keys }),
    },
    async addKey(kid, { alg = 'ES256', isPublished = true } = {}) {
      const { privateKey, publicKey } = await generateKeyPair(alg);
      signers.set(kid, { key: privateKey, alg });
      if (isPublished) issuer.keys.push({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' });
    },
    async sign(claims, { kid = 'first', header = {} } = {}) {
      const signer = signers.get(kid);
      if (!signer) throw new Error(`no key ${kid}`);
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: url, aud: 'ingot', sub: 'u1', exp: now + 3600, ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg: signer.alg, kid, ...header }).sign(signer.key);
    },
  };
  await issuer.addKey('first');
  return issuer;
}
