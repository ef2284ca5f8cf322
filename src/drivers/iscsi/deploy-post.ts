/** The ramdisk's POST to the deploy helper: untrusted input, validated here. */
import { isIPv4 } from 'node:net';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { iscsiLun, iscsiPort } from '#agent-protocol/classic.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';

const Digits = Type.String({ pattern: '^[0-9]{1,5}$' });
const Post = Type.Object({
  a: Type.String(),
  n: Type.String(),
  p: Type.Optional(Digits),
  l: Type.Optional(Digits),
});

export const IscsiTarget = Type.Object({
  address: Type.String(),
  port: Type.Integer(),
  iqn: Type.String(),
  lun: Type.Integer(),
});
export type IscsiTarget = Static<typeof IscsiTarget>;

/** Throws `ramdiskError` with the ramdisk's own error text (`e`), or if it exports another disk than requested. */
export function readDeployPost(post: JsonObject, iqn: string): IscsiTarget {
  const error = (detail: string) => new Fault('ramdiskError', { detail });
  if (post['e']) throw error(String(post['e']));
  if (!Value.Check(Post, post)) throw error('its message to the deploy helper cannot be understood');
  const { a, n, p, l }: Static<typeof Post> = post;
  if (!isIPv4(a)) throw error(`its address '${a}' is not an IPv4 address`);
  if (n !== iqn) throw error(`it exports ${n} instead of ${iqn}`);
  return { address: a, port: p === undefined ? iscsiPort : Number(p), iqn, lun: l === undefined ? iscsiLun : Number(l) };
}
