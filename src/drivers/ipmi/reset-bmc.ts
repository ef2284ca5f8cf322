import { Fault } from '#domain/faults.ts';
import { coldReset, warmReset } from '#wire/ipmi/device-commands.ts';
import type { CallOptions, NodeFacts } from '../interfaces.ts';
import type { AskBmc } from './ask-bmc.ts';

/** Restarts the BMC. Many restart before they respond, so a missing response to the command is not a failure. */
export async function resetBmc(
  ask: AskBmc,
  node: NodeFacts,
  { kind, ...callOptions }: CallOptions & { readonly kind: 'warm' | 'cold' },
): Promise<void> {
  const row = kind === 'warm' ? warmReset : coldReset;
  try {
    await ask(node, row, {}, callOptions);
  } catch (error) {
    // An earlier failure, e.g. of opening the session, names another command.
    const isGone = error instanceof Fault && error.code === 'bmcUnreachable' && error.fields['command'] === row.name;
    if (!isGone) throw error;
  }
}
