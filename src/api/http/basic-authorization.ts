/** The header `Authorization: Basic` (RFC 7617): a name and a secret. */
import { hasControls, hasLineEnds } from '#domain/plain-text.ts';
import { longestPassword } from '#services/identity/passwords.ts';

const form = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i;
const longestName = 255;
const decoder = new TextDecoder('utf-8', { fatal: true });

export function isBasicAuthorization(header: string | undefined): boolean {
  return header !== undefined && /^Basic(?: |$)/i.test(header);
}

/** undefined for another scheme, and for what is no name and secret in UTF-8. */
export function namedSecretIn(header: string | undefined): { name: string; secret: string } | undefined {
  const text = decoded(form.exec(header ?? '')?.[1] ?? '');
  const colon = text.indexOf(':');
  const [name, secret] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)];
  if (name === '' || name.length > longestName || secret.length > longestPassword) return undefined;
  // No user has such a name, and PostgreSQL refuses some of these characters.
  if (hasControls(name) || hasLineEnds(name)) return undefined;
  return { name, secret };
}

function decoded(base64: string): string {
  try {
    return decoder.decode(Buffer.from(base64, 'base64'));
  } catch {
    return '';
  }
}
