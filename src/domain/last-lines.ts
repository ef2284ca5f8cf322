/** A trailing newline ends the last line and begins no new one. `lines` undefined: all lines. */
export function lastLines(text: string, lines: number | undefined): string {
  if (lines === undefined) return text;
  if (lines <= 0) return '';
  return text
    .split('\n')
    .slice(text.endsWith('\n') ? -lines - 1 : -lines)
    .join('\n');
}
