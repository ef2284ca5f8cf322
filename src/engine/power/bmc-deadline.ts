import { Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';

/** Timeout for a user's request to a BMC: aborts after `ms` with a descriptive fault, unlike `AbortSignal.timeout`. */
export function bmcDeadline({ name, uuid }: Pick<Node, 'name' | 'uuid'>, ms: number): AbortSignal {
  const controller = new AbortController();
  const address = `node ${name ?? uuid}`;
  const late = () =>
    controller.abort(new Fault('bmcUnreachable', { address, attempts: 1, seconds: ms / 1000, detail: 'it is too slow' }));
  setTimeout(late, ms).unref();
  return controller.signal;
}
