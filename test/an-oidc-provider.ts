/** A real provider of OpenID Connect (the npm package `oidc-provider`) on loopback. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

export type OidcUser = { readonly password: string; readonly claims: Readonly<Record<string, unknown>> };
export type OidcProvider = { readonly issuer: string; close(): Promise<void> };

/** Its client, which may also ask about tokens. */
export const oidcClient = { client_id: 'ingot', client_secret: 'a secret of the client' };
/** The audience of tokens for clients, which are JWTs. */
export const oidcAudience = 'https://ingot.example';

export async function startOidcProvider(users: Readonly<Record<string, OidcUser>>): Promise<OidcProvider> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'first' };
  const provider = new Provider(issuer, {
    clients: [{ ...oidcClient, grant_types: ['password', 'client_credentials'], redirect_uris: [], response_types: [] }],
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
  server.on('request', provider.callback());
  return {
    issuer,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
