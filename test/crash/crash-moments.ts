/** The moments at which a crash test kills Ingot. */
import type { StepHook } from '#engine/worker/bound-operations.ts';

type CrashedOperation = Parameters<StepHook>[1];

export const momentsFile = 'crash-moments';

/** `deploy`, or `undo of deploy` after a failure. */
export function wayOf({ kind, state }: CrashedOperation): string {
  return state === 'rolling_back' ? `undo of ${kind}` : kind;
}

/**
 * `before deploy: write image (heard, asked write-image)`: a waiting step runs several times, each time with more
 * context; the context distinguishes the moments.
 */
export function momentOf(when: Parameters<StepHook>[0], operation: CrashedOperation, step: string): string {
  const { context } = operation;
  const { command, replies, messages, agent } = context;
  const facts = [
    agent && 'heard',
    messages && `posted ${Object.keys(messages).join('+')}`,
    command && `asked ${command.name}`,
    replies && `answered ${Object.keys(replies).join('+')}`,
  ].filter(Boolean);
  return `${when} ${wayOf(operation)}: ${step}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`;
}

/** The steps of `way` (`deploy`, `undo of deploy`) before and after which Ingot was killed. */
export function stepsKilledAround(moments: readonly string[], way: string): string[] {
  const stepsOf = (when: string) => {
    const start = `${when} ${way}: `;
    return new Set(
      moments.filter((each) => each.startsWith(start)).map((each) => each.slice(start.length).replace(/ \(.*$/, '')),
    );
  };
  const after = stepsOf('after');
  return [...stepsOf('before')].filter((step) => after.has(step));
}
