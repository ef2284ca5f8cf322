/**
 * Logins in a browser: a dashboard sends it here, this service to the identity provider, and the provider back with a code. The
 * dashboard then gets a token of this service by a form, as from Keystone (keystone/api/auth.py). What mod_auth_openidc does before
 * Keystone is done here.
 */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { loginMs } from '#services/identity/federation/browser-logins.ts';
import type { IssuerOfTokens } from '#services/identity/federation/contract.ts';
import { issuerOf, logInFederated } from '#services/identity/federation/federated-login.ts';
import { findProviderOf, getProtocol, getProvider } from '#services/identity/federation/providers.ts';
import type { ApiContext } from '../context.ts';
import { loginClientOf } from './login-client.ts';
import { route } from './policy.ts';

const folder = '/auth/OS-FEDERATION';
const redirect = `${folder}/oidc/redirect`;
const cookieName = 'ingot_websso';

const OriginQuery = Type.Object({ origin: Type.Optional(Type.String({ maxLength: 1024 })) });
const longText = Type.Optional(Type.String({ maxLength: 4096 }));
const RedirectQuery = Type.Object({ code: longText, state: longText, error: longText, iss: longText });
const Html = Type.Unsafe<FastifyReply>({ type: 'string' });
const policy = { public: 'a login' };

const byProtocol = (['GET', 'POST'] as const).map((method) =>
  route({
    ...{ method, policy, path: `${folder}/websso/:protocol_id`, status: 302, query: OriginQuery, reply: Html },
    summary: 'Log in by a browser: redirects to the identity provider of the protocol',
    async handler(request, context, reply) {
      const { protocol_id } = request.params;
      const origin = originOf(context, request.query.origin);
      const provider = await findProviderOf(context, { protocol_id, remote_id: issuerOf(context).name });
      if (!provider) throw new Fault('authenticationFailed', { detail: 'Missing entity ID from environment' });
      return sendToProvider({ request, context, reply }, { idp_id: provider.id, protocol_id, origin });
    },
  }),
);

const byProvider = (['GET', 'POST'] as const).map((method) =>
  route({
    ...{ method, policy, status: 302, query: OriginQuery, reply: Html },
    path: `${folder}/identity_providers/:idp_id/protocols/:protocol_id/websso`,
    summary: 'Log in by a browser: redirects to the identity provider',
    async handler(request, context, reply) {
      const { idp_id, protocol_id } = request.params;
      const origin = originOf(context, request.query.origin);
      await getProvider(context, idp_id);
      await getProtocol(context, { idp_id, id: protocol_id });
      return sendToProvider({ request, context, reply }, { idp_id, protocol_id, origin });
    },
  }),
);

const back = route({
  ...{ method: 'GET', policy, path: redirect, query: RedirectQuery, reply: Html },
  summary: 'Where the identity provider sends a browser back to: the dashboard gets the token by a form',
  async handler(request, context, reply) {
    const { code, state = '', error, iss } = request.query;
    const begun = context.browserLogins.read(cookieOf(request), state);
    reply.header('set-cookie', cookie('', { uri: redirectUri(context, request), maxAge: 0 }));
    if (!begun) throw refused('This browser has not begun a login here, or too long ago.');
    if (error !== undefined) throw refused('The identity provider has refused the login.');
    // RFC 9207: or it is the code of another provider.
    if (code === undefined || (iss !== undefined && iss !== issuerOf(context).name)) throw new Fault('unauthorized');
    const [proofs, client] = [context.browserLogins.proofsOf(begun), loginClientOf(request)];
    const { idp_id, protocol_id, redirect_uri } = begun;
    const claims = (issuer: IssuerOfTokens) => issuer.claimsOfCode({ code, redirect_uri, proofs }, client);
    const { token } = await logInFederated(context, client, { idp_id, protocol_id, claims });
    // The setting may have changed meanwhile.
    return sendToDashboard(reply, { token, origin: originOf(context, begun.origin) });
  },
});

export const browserLoginRoutes = [...byProtocol, ...byProvider, back];

/** In Keystone's words. @throws Fault `badRequest`, `authenticationFailed` */
function originOf({ settings }: ApiContext, origin: string | undefined): string {
  if (!origin) throw new Fault('badRequest', { detail: 'Request must have an origin query parameter' });
  const trusted = settings['federation.trusted_dashboard'].map(withLowerHost);
  if (trusted.includes(origin)) return origin;
  throw refused(`${origin} is not a trusted dashboard host`);
}

/** The host alone is compared in any case, as by Keystone. */
function withLowerHost(url: string): string {
  return url.replace(/^[^/]+:\/\/[^/]+/, (start) => start.toLowerCase());
}

function refused(detail: string): Fault {
  return new Fault('authenticationFailed', { detail });
}

function redirectUri(context: ApiContext, request: FastifyRequest): string {
  return `${context.baseUrl(request)}/identity/v3${redirect}`;
}

type Exchange = { readonly request: FastifyRequest; readonly context: ApiContext; readonly reply: FastifyReply };
type Asked = { readonly idp_id: string; readonly protocol_id: string; readonly origin: string };

async function sendToProvider({ request, context, reply }: Exchange, asked: Asked): Promise<FastifyReply> {
  const redirect_uri = redirectUri(context, request);
  const { begun, cookie: value } = context.browserLogins.begin({ ...asked, redirect_uri });
  const proofs = context.browserLogins.proofsOf(begun);
  const page = await issuerOf(context).loginPage({ state: begun.state, redirect_uri, proofs });
  reply.header('set-cookie', cookie(value, { uri: redirect_uri, maxAge: loginMs / 1000 }));
  return reply.code(302).header('location', page).header('cache-control', 'no-store').send();
}

/** Not sent by other pages than the provider's, and read by no script. */
function cookie(value: string, { uri, maxAge }: { uri: string; maxAge: number }): string {
  const { pathname, protocol } = new URL(uri);
  const secure = protocol === 'https:' ? '; Secure' : '';
  return `${cookieName}=${value}; Path=${pathname}; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`;
}

function cookieOf({ headers }: FastifyRequest): string {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1) ?? '';
}

const program = 'document.forms[0].submit()';
const programHash = createHash('sha256').update(program).digest('base64');

function sendToDashboard(reply: FastifyReply, { token, origin }: { token: string; origin: string }): FastifyReply {
  const target = new URL(origin).origin;
  const page = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Logged in</title></head>
<body>
<form name="sso" action="${escaped(origin)}" method="post">
<input type="hidden" name="token" value="${escaped(token)}">
<noscript><input type="submit" value="Continue"></noscript>
</form>
<script>${program}</script>
</body>
</html>
`;
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .header('x-content-type-options', 'nosniff')
    .header(
      'content-security-policy',
      `default-src 'none'; form-action ${target}; script-src 'sha256-${programHash}'; frame-ancestors 'none'`,
    )
    .send(page);
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => entities[letter] ?? '');
}
