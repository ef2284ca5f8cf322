/** A real provider of OpenID Connect (the npm package `oidc-provider`) on loopback. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

export type OidcUser = { readonly password: string; readonly claims: Readonly<Record<string, unknown>> };
export type OidcProvider = { readonly issuer: string; close(): Promise<void> };

/** Its client, which may also ask about tokens. */
export const oidcClient = { client_id: 'ingot', client_secret: 'a secret of the client' };
/** The audience of tokens for clients, which are JWTs. */
export const oidcAudience = 'https://ingot.example';

/** Where browsers come back to: a client of Keystone, and this service under the name of the tests. */
export const cloud = 'https://cloud.example';
export const redirectUris = {
  client: 'http://localhost:8080/code',
  cloud: `${cloud}/identity/v3/auth/OS-FEDERATION/oidc/redirect`,
} as const;

/** A browser logs in by a form: POST of `username` and `password` to where it is sent. */
export async function startOidcProvider(users: Readonly<Record<string, OidcUser>>): Promise<OidcProvider> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'first' };
  const provider = new Provider(issuer, {
    clients: [
      {
        ...{ ...oidcClient, response_types: ['code'], redirect_uris: Object.values(redirectUris) },
        grant_types: ['authorization_code', 'password', 'client_credentials'],
      },
    ],
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    // Not all clients of Keystone send a challenge.
    pkce: { required: () => false },
    cookies: { keys: ['of the tests'] },
    jwks: { keys: [key] },
    claims: { openid: ['sub'], profile: ['preferred_username', 'email', 'groups'] },
    findAccount: (_context: unknown, accountId: string) => ({
      accountId,
      claims: () => ({ sub: accountId, ...users[accountId]?.claims }),
    }),
    extraTokenClaims: (_context: unknown, { kind }: { kind: string }) =>
      kind === 'ClientCredentials' ? { preferred_username: 'the-pipeline' } : undefined,
    features: {
      ...{ clientCredentials: { enabled: true }, introspection: { enabled: true }, devInteractions: { enabled: false } },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => oidcAudience,
        getResourceServerInfo: () => ({ scope: 'openid profile', audience: oidcAudience, accessTokenFormat: 'jwt' }),
      },
    },
    ttl: { AccessToken: 600, ClientCredentials: 600, Grant: 600 },
  });
  // OAuth has deprecated it; Keystone's clients still use it.
  provider.registerGrantType(
    'password',
    async (context) => {
      const { username = '', password } = context.oidc.params;
      if (users[username]?.password !== password) {
        Object.assign(context, { status: 400, body: { error: 'invalid_grant' } });
        return;
      }
      const grant = new provider.Grant({ accountId: username, clientId: oidcClient.client_id });
      grant.addOIDCScope('openid profile');
      const grantId = await grant.save();
      const fields = { accountId: username, client: context.oidc.client, grantId, gty: 'password', scope: 'openid profile' };
      const access_token = await new provider.AccessToken(fields).save();
      context.body = { access_token, expires_in: 600, token_type: 'Bearer', scope: fields.scope };
    },
    ['username', 'password', 'scope'],
  );
  const answer = provider.callback();
  server.on('request', (request, reply) => {
    if (request.url?.startsWith('/interaction/')) logIn({ provider, users }, request, reply).catch(() => reply.destroy());
    else answer(request, reply);
  });
  return {
    issuer,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Site = { readonly provider: Provider; readonly users: Readonly<Record<string, OidcUser>> };

/** The page of the provider: who logs in also agrees to what the client asks for. */
async function logIn({ provider, users }: Site, request: IncomingMessage, reply: ServerResponse): Promise<void> {
  let text = '';
  for await (const part of request) text += part;
  const form = new URLSearchParams(text);
  const accountId = form.get('username') ?? '';
  if (users[accountId]?.password !== form.get('password')) {
    reply.writeHead(401).end();
    return;
  }
  const { params } = await provider.interactionDetails(request, reply);
  const grant = new provider.Grant({ accountId, clientId: params['client_id'] });
  grant.addOIDCScope(String(params['scope']));
  grant.addResourceScope(oidcAudience, String(params['scope']));
  await provider.interactionFinished(request, reply, { login: { accountId }, consent: { grantId: await grant.save() } });
}
