/**
 * What fetches an image over the plain listener, where everybody on the wire reads along. Both sides make it of the
 * session token, which never crosses that wire: it is good for this one path, and tells nothing of the session.
 */
import { createHmac } from 'node:crypto';

/** @param session `<operation id>.<secret>`. @returns `<operation id>.<proof>` */
export function imageToken(session: string, path: string): string {
  const [operation = '', secret = ''] = session.split('.');
  return `${operation}.${createHmac('sha256', secret).update(`GET ${path}`).digest('base64url')}`;
}
