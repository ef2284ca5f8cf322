/**
 * Chooses the test files that run once more on PostgreSQL: together they have the database do all that any of them has it
 * do. By what a run on SQLite noted, so that nobody keeps a list (docs/decisions/0069-postgresql-by-statements.md).
 */

export type CoveredFile = { readonly file: string; readonly statements: readonly string[] };

/** The greedy choice: the file that adds most parts of statements, until none adds any. */
export function coverStatements(files: readonly CoveredFile[]): string[] {
  const missing = new Map(files.map(({ file, statements }) => [file, new Set(statements.flatMap(partsOf))]));
  const chosen: string[] = [];
  for (;;) {
    const [best] = [...missing].reduce((one, other) => (one[1].size >= other[1].size ? one : other), ['', new Set<string>()]);
    const added = missing.get(best);
    if (!added || added.size === 0) return chosen;
    chosen.push(best);
    for (const [file, parts] of missing) missing.set(file, parts.difference(added));
  }
}

const clauses = /,|\b(?:and|or|set|where|values|returning|from|on|limit|union|select)\b/i;

/** Its conditions, columns and expressions, each with what is done and to which table: what a dialect may do otherwise. */
function partsOf(statement: string): string[] {
  const verb = /^\s*(\w+)/.exec(statement)?.[1]?.toLowerCase() ?? '';
  const table = /\b(?:from|into|update|table)\s+"?(\w+)"?/i.exec(statement)?.[1] ?? '';
  return statement.split(clauses).map((part) => `${verb} ${table}: ${part.replace(/\s+/g, ' ').trim()}`);
}
