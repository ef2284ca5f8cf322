/** Looks up nodes and ports by their identifier in a path or query. */

import { asFault, Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { BaremetalContext } from './context.ts';
import { refuseImpossibleIdent } from './node-names.ts';
import { uuidPattern } from './uuid-like.ts';

/** By UUID or name. Throws `notFound`, and `badRequest` if it can be neither. */
export async function findNode({ store }: Pick<BaremetalContext, 'store'>, ident: string): Promise<Node> {
  refuseImpossibleIdent('node', ident);
  const node = uuidPattern.test(ident)
    ? await store.nodes.find({ uuid: ident.toLowerCase() })
    : await store.nodes.find({ name: ident });
  if (!node) throw new Fault('notFound', { what: 'Node', id: ident });
  return node;
}

/** A node named in the body: a missing one is a bad request, not 404. @throws Fault `badRequest` */
export function findNamedNode(context: Pick<BaremetalContext, 'store'>, ident: string): Promise<Node> {
  return findNode(context, ident).catch((error: unknown) => {
    throw asFault(error).code === 'notFound' ? new Fault('badRequest', { detail: asFault(error).message }) : error;
  });
}

/** The start of a page. @param found the record if the marker is a UUID. Throws `notFound` for an unknown UUID */
export async function findMarked<T>(marker: string, what: string, found: Promise<T | undefined>): Promise<T | undefined> {
  const item = await found;
  if (!item && uuidPattern.test(marker)) throw new Fault('notFound', { what, id: marker });
  return item;
}
