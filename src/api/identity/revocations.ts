/** Which tokens were revoked, for services that keep what they have validated. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { linksTo } from './links.ts';
import { route } from './policy.ts';
import { CollectionLinks } from './schemas.ts';

const Event = Type.Object({ audit_id: Type.String(), issued_before: Type.String() });

/** Each is a few characters. */
const eventsMost = 5000;

export const revocationRoutes = [
  route({
    method: 'GET',
    path: '/OS-REVOKE/events',
    policy: 'identity:list_revoke_events',
    summary: 'List the tokens that were revoked one by one, the latest first',
    query: Type.Object({ since: Type.Optional(Type.String({ maxLength: 64 })) }),
    reply: Type.Object({ events: Type.Array(Event), links: CollectionLinks }),
    async handler(request, context) {
      const since = sinceOf((request.query as { since?: string }).since);
      const latest = { orderBy: 'revoked_at', descending: true, limit: eventsMost } as const;
      const rows = (await context.store.revoked_tokens.list({}, latest)).filter(({ revoked_at }) => revoked_at >= since);
      // Of a token that was revoked before times were kept, none but its end is known.
      const events = rows.map(({ audit_id, revoked_at, expires_at }) => ({ audit_id, issued_before: revoked_at || expires_at }));
      return { events, links: linksTo(context, request, '/OS-REVOKE/events') };
    },
  }),
  route({
    method: 'GET',
    path: '/auth/tokens/OS-PKI/revoked',
    policy: 'identity:revocation_list',
    summary: 'Always 403, as from Keystone since there are no PKI tokens',
    handler() {
      throw new Fault('forbidden', { detail: 'You are not authorized to perform the requested action.' });
    },
  }),
];

function sinceOf(given: string | undefined): string {
  if (!given) return '';
  const time = Date.parse(given);
  if (Number.isNaN(time)) throw new Fault('badRequest', { detail: `invalidate date format ${given}` });
  return new Date(time).toISOString();
}
