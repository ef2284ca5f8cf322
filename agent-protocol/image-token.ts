/**
 * The token for fetching an image over the plain listener, where anyone on the network can read it. Both sides derive
 * it from the session token, which never crosses that network: it is valid only for this path and does not reveal the
 * session.
 */
import { createHmac } from 'node:crypto';

/** @param session `<operation id>.<secret>`. @returns `<operation id>.<proof>` */
export function imageToken(session: string, path: string): string {
  const [operation = '', secret = ''] = session.split('.');
  return `${operation}.${createHmac('sha256', secret).update(`GET ${path}`).digest('base64url')}`;
}
