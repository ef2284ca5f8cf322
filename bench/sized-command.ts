/** Benchmarks that measure with several numbers of nodes: options, interruption, table and findings as JSON. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseOptions } from '#commands/options.ts';

type Measuring = { readonly announce: (line: string) => void; readonly signal: AbortSignal };

type SizedBench<Findings> = {
  readonly usage: string;
  /** Throws for sizes that it does not measure. @param text absent: the default */
  readonly readSizes: (text?: string) => number[];
  readonly measure: (options: Measuring & { readonly sizes: readonly number[] }) => Promise<Findings>;
  readonly render: (findings: Findings) => string;
};

/** @returns the exit code */
export async function runSizedBench<Findings>(args: string[], bench: SizedBench<Findings>): Promise<number> {
  const { flags, isHelp } = parseOptions(args, { valueNames: ['sizes', 'json'] });
  if (isHelp) {
    process.stdout.write(bench.usage);
    return 0;
  }
  const sizes = bench.readSizes(flags['sizes']);
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort(new Error(signal)));
  const announce = (line: string) => void process.stderr.write(`==> ${line}\n`);
  const findings = await bench.measure({ sizes, announce, signal: interruption.signal });
  process.stdout.write(bench.render(findings));
  if (flags['json']) {
    mkdirSync(dirname(resolve(flags['json'])), { recursive: true });
    writeFileSync(resolve(flags['json']), `${JSON.stringify(findings, null, 2)}\n`);
  }
  return 0;
}
