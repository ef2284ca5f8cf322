/** Reads bin/programs.txt, the table of called programs and the Debian packages that provide them. */

export const programTableFile = 'bin/programs.txt';

export const users = ['debian', 'before', 'serve', 'lab', 'build', 'tests'] as const;

export type ProgramRow = {
  readonly package: string;
  readonly user: (typeof users)[number];
  readonly programs: readonly string[];
};

/** Throws on a line that is not a package, a user and programs. */
export function readProgramTable(text: string): ProgramRow[] {
  return text.split('\n').flatMap((line, index) => (/^\s*(#|$)/.test(line) ? [] : [readRow(line, index + 1)]));
}

function readRow(line: string, number: number): ProgramRow {
  const [name = '', word = '', ...programs] = line.trim().split(/\s+/);
  const user = users.find((each) => each === word);
  if (!user) throw new Error(`${programTableFile}:${number}: '${word}' is none of ${users.join(', ')}`);
  if (programs.length === 0) throw new Error(`${programTableFile}:${number}: no programs; '-' stands for none`);
  return { package: name, user, programs: programs.filter((program) => program !== '-') };
}
