/** What the project has once, in src/async and src/files, must not be built again elsewhere. */
import { type Finding, lineOf, type Source } from './sources.ts';

type Primitive = {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Files that need the original. */
  readonly exempt: readonly string[];
};

const primitiveTable: readonly Primitive[] = [
  {
    pattern: /^import \{[^}]*\brename(?:Sync)?\b[^}]*\} from 'node:fs(?:\/promises)?'/gm,
    instead: 'replace a file by writeAtomically or moveIntoPlace of src/files, which survive a power cut',
    // Rotates a log.
    exempt: ['src/engine/consoles/console-record.ts'],
  },
  {
    pattern: /^import \{[^}]*\bsetTimeout\b[^}]*\} from 'node:timers\/promises'/gm,
    instead: "wait by pause of src/async, which rejects with the signal's reason",
    exempt: [],
  },
];

/** The primitives themselves, the program in the ramdisk (which may import neither), and what only tests run. */
const outside = /^(?:src\/(?:async|files)|agent|check|test)\/|\.test\.ts$/;

export function sharedPrimitives(files: readonly Source[]): Finding[] {
  return files
    .filter(({ path }) => path.endsWith('.ts') && !outside.test(path))
    .flatMap(({ path, text }) =>
      primitiveTable
        .filter(({ exempt }) => !exempt.includes(path))
        .flatMap(({ pattern, instead }) =>
          [...text.matchAll(pattern)].map((match) => ({ path, line: lineOf(text, match.index), message: instead })),
        ),
    );
}
