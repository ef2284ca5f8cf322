/** Looks up nodes and ports by their identifier in a path or query. */

import { asFault, Fault } from '#domain/faults.ts';
import { isUuidLike, uuidPattern } from '#domain/uuids.ts';
import type { NodePort } from '#store/tables/node-ports.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { BaremetalContext } from './context.ts';
import { refuseImpossibleIdent } from './node-names.ts';

/** By UUID or name. Throws `badRequest` if it can be neither. */
export function nodeKey(ident: string): { uuid: string } | { name: string } {
  refuseImpossibleIdent('node', ident);
  return uuidPattern.test(ident) ? { uuid: ident.toLowerCase() } : { name: ident };
}

/** By UUID or name. Throws `notFound`, and `badRequest` if it can be neither. */
export async function findNode({ store }: Pick<BaremetalContext, 'store'>, ident: string): Promise<Node> {
  const node = await store.nodes.find(nodeKey(ident));
  if (!node) throw new Fault('notFound', { what: 'Node', id: ident });
  return node;
}

/** A node named in the body: a missing one is a bad request, not 404. @throws Fault `badRequest` */
export function findNamedNode(context: Pick<BaremetalContext, 'store'>, ident: string): Promise<Node> {
  return findNode(context, ident).catch((error: unknown) => {
    throw asFault(error).code === 'notFound' ? new Fault('badRequest', { detail: asFault(error).message }) : error;
  });
}

/** The record after which a page begins. Throws `badRequest` for what is no UUID, `notFound` for an unknown one */
export async function findMarked<T>(marker: string, what: string, find: (uuid: string) => Promise<T | undefined>): Promise<T> {
  if (!isUuidLike(marker)) throw new Fault('badRequest', { detail: `Expected UUID for marker: ${marker}` });
  const found = await find(marker.toLowerCase());
  if (!found) throw new Fault('notFound', { what, id: marker });
  return found;
}

/** By UUID or name. */
export async function findPort({ store }: Pick<BaremetalContext, 'store'>, ident: string): Promise<NodePort> {
  refuseImpossibleIdent('port', ident);
  const uuid = ident.toLowerCase();
  const port = await store.node_ports.find(uuidPattern.test(uuid) ? { uuid } : { name: ident });
  if (!port) throw new Fault('notFound', { what: 'Port', id: ident });
  return port;
}
