/** `ingot bench fuzz`: malformed, truncated, replayed and forged packets and bodies into every parser. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseOptions } from '#commands/options.ts';
import { fuzz } from './run.ts';
import { renderFuzzFindings } from './table.ts';

const usage = `Usage: npm run bench -- fuzz [--count N] [--seed N] [--only NAME] [--input HEX] [--json FILE]

Feeds every reader of foreign bytes with inputs that are wrong in all ways, and says for each how many were read, how many were
refused and for how many different reasons. A crash, a hang, an answer of 500, time beyond measure or a forgery that was
accepted is a fault: the input is printed with the command that feeds it once more, and the exit code is 1.

  --count N     inputs in all (1000000)
  --seed N      of the generator (1)
  --only NAME   one target of the table
  --input HEX   one input for it
`;

export async function runFuzzBench(args: string[]): Promise<number> {
  const { flags, isHelp } = parseOptions(args, { valueNames: ['count', 'seed', 'only', 'input', 'json'] });
  if (isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const findings = await fuzz({
    count: readNumber(flags['count'], 1_000_000),
    seed: readNumber(flags['seed'], 1),
    only: flags['only'],
    input: flags['input'] === undefined ? undefined : Buffer.from(flags['input'], 'hex'),
    announce: (line) => void process.stderr.write(`==> ${line}\n`),
  });
  process.stdout.write(renderFuzzFindings(findings, hostLine()));
  if (flags['json']) {
    mkdirSync(dirname(resolve(flags['json'])), { recursive: true });
    writeFileSync(resolve(flags['json']), `${JSON.stringify(findings, null, 2)}\n`);
  }
  return findings.targets.some(({ faults }) => faults.length > 0) ? 1 : 0;
}

function readNumber(text: string | undefined, standard: number): number {
  if (text === undefined) return standard;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`'${text}' must be a whole number`);
  return Number(text);
}

function hostLine(): string {
  return `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node.js ${process.version}`;
}
