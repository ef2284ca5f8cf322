/** Lists of what Ingot does not have, which clients query routinely: empty. */
import { Type } from 'typebox';
import { findNode } from '#services/baremetal/lookup.ts';
import type { Row } from '../http/route.ts';
import { type BaremetalRule, route } from './policy.ts';
import { AnyQuery } from './strict-requests.ts';

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

export function emptyNodeList(path: `/nodes/:node/${string}`, field: string, policy: BaremetalRule): Row {
  return route({
    ...{ method: 'GET', path: path as '/nodes/:node', policy },
    summary: `List ${field} of a node: there are none`,
    query: AnyQuery,
    reply: replyOf(field),
    async handler(request, context) {
      await findNode(context, request.params.node);
      return { [field]: [] };
    },
  });
}

function replyOf(field: string) {
  return Type.Object({ [field]: Type.Array(Type.Unknown()) });
}
