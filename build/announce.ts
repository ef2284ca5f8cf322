/** Reports the progress of a build to the user; one line each. */
export type Announce = (line: string) => void;

/** Lines with the seconds since the start, on standard error: standard output is for results. */
export function announceTo(stream: NodeJS.WritableStream, subject: string): Announce {
  const started = performance.now();
  return (line) => stream.write(`${subject} ${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
