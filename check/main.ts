/** `bin/check [static|unit|postgres|client|whole|all] [path…]`: every check of the project in one command. */
import { join } from 'node:path';
import { root } from './sources.ts';
import { runStages } from './stages.ts';
import { writeDocuments } from './write-documents.ts';

const help = `Usage: bin/check [static | unit | postgres | client | whole | all] [PATH…]
       bin/check docs

  static   types, lint and format, allowed imports, own rules
  unit     tests beside the code
  postgres tests that open a store, on PostgreSQL
  client   tests through the real openstack client
  whole    whole-system tests: real boots
  all      everything (default)
  docs     writes the parts of the documents that are made from the routes

With PATHs, only test files below them run: bin/check unit src/engine
`;

const groups = ['static', 'unit', 'postgres', 'client', 'whole'] as const;

const [first = 'all', ...paths] = process.argv.slice(2);
if (first === '--help' || first === '-h') {
  process.stdout.write(help);
} else if (first === 'docs') {
  await writeDocuments();
} else if (first !== 'all' && !groups.some((group) => group === first)) {
  process.stderr.write(`check: unknown argument '${first}'\n\n${help}`);
  process.exitCode = 2;
} else {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)));
  // Each test file is a process of its own, which would strip the types of several hundred modules anew.
  process.env['NODE_COMPILE_CACHE'] ??= join(root, '.cache/compiled');
  const wanted = groups.filter((group) => first === 'all' || group === first);
  const passed = await runStages({ groups: wanted, paths, signal: stop.signal });
  process.exitCode = passed ? 0 : 1;
}
