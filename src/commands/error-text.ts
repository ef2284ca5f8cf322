/**
 * Formats an error for the terminal. Its text often comes from other programs and machines, so escape sequences are
 * removed.
 */
import { plainText } from '#domain/plain-text.ts';

export function errorText(error: unknown): string {
  const hint = (error as { hint?: string } | null)?.hint;
  const message = error instanceof Error ? error.message : String(error);
  return plainText(`ingot: ${message}${hint ? `\n${hint}` : ''}\n`);
}
