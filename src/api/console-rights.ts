/** Who may use a console, and go on using it: whoever may still open it. */
import { findServer } from '#services/compute/servers.ts';
import { nodeTarget } from './baremetal/policy.ts';
import { targetOf } from './compute/server-of.ts';
import type { ConsoleGrant } from './console-tickets.ts';
import type { ApiContext } from './context.ts';

/** Asks the rule that gave out the ticket again: the token may be void, and the node or the server another's by now. */
export async function mayUseConsole(context: ApiContext, { token, node, server }: ConsoleGrant): Promise<boolean> {
  const caller = await context.callers.recheck(token);
  if (!caller) return false;
  if (server !== undefined) {
    const found = await findServer(context, caller, server);
    return context.policies.compute.allows(caller, 'os_compute_api:os-remote-consoles', targetOf(found));
  }
  const [found] = await context.store.nodes.pick(['owner', 'lessee'], { uuid: node });
  return found !== undefined && context.policies.baremetal.allows(caller, 'baremetal:node:get_console', nodeTarget(found));
}
