import { Fault } from '#domain/faults.ts';
import { coldReset, warmReset } from '#wire/ipmi/device-commands.ts';
import type { CallOptions, NodeFacts } from '../interfaces.ts';
import type { AskBmc } from './ask-bmc.ts';

/** Restarts the BMC. Many do so before they answer, so silence after the command has left is no failure. */
export async function resetBmc(
  ask: AskBmc,
  node: NodeFacts,
  { kind, ...callOptions }: CallOptions & { readonly kind: 'warm' | 'cold' },
): Promise<void> {
  const row = kind === 'warm' ? warmReset : coldReset;
  try {
    await ask(node, row, {}, callOptions);
  } catch (error) {
    // Whatever failed before, e.g. opening the session, names another command.
    const isGone = error instanceof Fault && error.code === 'bmcUnreachable' && error.fields['command'] === row.name;
    if (!isGone) throw error;
  }
}
