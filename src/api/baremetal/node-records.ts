/** `/v1/nodes/{node}/…` for the few rows that a node has of a table, which an operator may end. Additions of Ingot's. */
import { type TObject, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import type { Caller } from '#services/caller.ts';
import type { ApiContext } from '../context.ts';
import type { Row } from '../http/route.ts';
import { route } from './policy.ts';

type Records = {
  /** Of the policy rules; with `plural`, of the path and of the reply. */
  readonly noun: 'held_address' | 'firmware_update';
  readonly plural: string;
  /** What a reply shows of a row. */
  readonly shape: TObject;
  readonly summary: string;
  read(context: ApiContext, node_uuid: string): Promise<readonly object[]>;
};

export function listOfNode({ noun, plural, shape, summary, read }: Records): Row {
  const shown = Object.keys(shape.properties);
  return route({
    method: 'GET',
    path: `/nodes/:node/${plural}`,
    policy: `baremetal:node:${noun}:get`,
    summary,
    reply: Type.Object({ [plural]: Type.Array(shape) }),
    async handler(request, context) {
      const { uuid } = await findNode(context, (request.params as { node: string }).node);
      const rows = (await read(context, uuid)) as readonly Record<string, unknown>[];
      return { [plural]: rows.map((row) => Object.fromEntries(shown.map((name) => [name, row[name]]))) };
    },
  });
}

/** @param what was ended, or was not there: 404 */
export async function endByOperator(
  { user_name, user_id }: Caller,
  what: { readonly what: string; readonly id: string },
  end: (by: string) => Promise<boolean>,
): Promise<void> {
  if (!(await end(`${user_name} (user ${user_id})`))) throw new Fault('notFound', what);
}
