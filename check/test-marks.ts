/** What the process that runs test files and the one that started it call the same. */

/** The test that ends each file. */
export const endOfFile = 'leaves nothing open';

/** The mark of the children of a file. */
export function markOf(run: string, index: number): string {
  return `${run}.${index}`;
}
