/** Intended differences of single steps, by `<scenario>: <method> <step>`. */
import type { Difference } from '../oracle/row.ts';

export const differenceTable: Readonly<Record<string, Difference>> = {};
