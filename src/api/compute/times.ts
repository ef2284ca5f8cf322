/** Nova's time formats. */

/** `2026-01-02T03:04:05Z`: created and updated. */
export function secondsTime(iso: string): string {
  return `${iso.slice(0, 19)}Z`;
}

/** `2026-01-02T03:04:05.678000`: launched, terminated, actions; UTC without a time zone. */
export function microsecondsTime(iso: string): string;
export function microsecondsTime(iso: string | null): string | null;
export function microsecondsTime(iso: string | null): string | null {
  return iso && `${iso.slice(0, 23)}000`;
}
