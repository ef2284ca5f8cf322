/** The reply to the pending command of an operation, from whichever agent. */
import type { Command } from '#agent-protocol/messages.ts';
import type { AgentReply } from '#drivers/interfaces.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import type { MessageParts } from './agent-binding.ts';

/** Repeated replies, and those to another command, change nothing. */
export async function keepReply(
  { worker, record }: MessageParts,
  live: LiveOperation,
  commandId: string,
  reply: AgentReply,
): Promise<void> {
  if (live.operation.context.command?.id !== commandId) return;
  let command: Command | undefined;
  await worker.saveContext(live, (context) => {
    const { command: pending, ...others } = context;
    if (pending?.id !== commandId) return context;
    command = pending;
    return { ...others, replies: { ...others.replies, [pending.key ?? pending.name]: reply } };
  });
  if (!command) return;
  record.agent(live.operation, {
    subject: command.name,
    message: reply.ok ? `${command.name}: done` : `${command.name}: ${reply.error}`,
    data: reply.ok ? reply.result : {},
  });
  worker.wake(live.operation.id);
}
