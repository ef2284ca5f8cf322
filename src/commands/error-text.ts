/** What the command says of an error: much of it comes from other programs and machines, so no escape sequence passes. */
import { plainText } from '#domain/plain-text.ts';

export function errorText(error: unknown): string {
  const hint = (error as { hint?: string } | null)?.hint;
  const message = error instanceof Error ? error.message : String(error);
  return plainText(`ingot: ${message}${hint ? `\n${hint}` : ''}\n`);
}
