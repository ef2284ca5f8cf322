/** Nodes and ports by what stands in a path or query. */
import { asFault, Fault } from '#domain/faults.ts';
import type { Node } from '#domain/records.ts';
import type { ApiContext } from '../context.ts';

export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** By UUID or name. Throws `notFound`. */
export async function findNode({ store }: ApiContext, ident: string): Promise<Node> {
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
