/** Lists of what Ingot does not have, which clients query routinely: empty. */
import { Type } from 'typebox';
import type { Row } from '../http/route.ts';
import { type BaremetalRule, route } from './policy.ts';

/** Query parameters common to all lists. */
const pageWords = ['fields', 'limit', 'marker', 'sort_key', 'sort_dir'];

type EmptyList = {
  path: string;
  policy: BaremetalRule;
  /** Default: the path's name. */
  field?: string;
  /** Further query parameters. */
  words?: readonly string[];
  since?: number;
};

export function emptyList({ path, policy, field = path.slice(1), words = [], since }: EmptyList): Row {
  const known = [...pageWords, ...words].map((name) => [name, Type.Optional(Type.String())] as const);
  return route({
    method: 'GET',
    ...{ path, policy, ...(since !== undefined && { since }) },
    summary: `List ${field.replaceAll('_', ' ')}: there are none`,
    query: Type.Object(Object.fromEntries(known)),
    reply: replyOf(field),
    handler: () => ({ [field]: [] }),
  });
}

function replyOf(field: string) {
  return Type.Object({ [field]: Type.Array(Type.Unknown()) });
}
