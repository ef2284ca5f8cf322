/** Nodes and ports by what stands in a path or query. */
import { asFault, Fault } from '#domain/faults.ts';
import type { Node } from '#domain/records.ts';
import type { ApiContext } from '../context.ts';
import { refuseImpossibleIdent } from './node-names.ts';
import { uuidPattern } from './uuid-like.ts';

/** By UUID or name. Throws `notFound`, and `badRequest` for what can be neither. */
export async function findNode({ store }: ApiContext, ident: string): Promise<Node> {
  refuseImpossibleIdent('node', ident);
  const node = uuidPattern.test(ident)
    ? await store.nodes.find({ uuid: ident.toLowerCase() })
    : await store.nodes.find({ name: ident });
  if (!node) throw new Fault('notFound', { what: 'Node', id: ident });
  return node;
}

/** A node that the body names: where it is missing, the path is not to blame. @throws Fault `badRequest` */
export function findNamedNode(context: ApiContext, ident: string): Promise<Node> {
  return findNode(context, ident).catch((error: unknown) => {
    throw asFault(error).code === 'notFound' ? new Fault('badRequest', { detail: asFault(error).message }) : error;
  });
}

/** Where a page begins. @param found by a UUID, or nothing by what is none. Throws `notFound` for a UUID of nothing */
export async function findMarked<T>(marker: string, what: string, found: Promise<T | undefined>): Promise<T | undefined> {
  const item = await found;
  if (!item && uuidPattern.test(marker)) throw new Fault('notFound', { what, id: marker });
  return item;
}
