/** Records as rows of a table: JSON, booleans, derived columns and secrets. */
import { Fault } from '#domain/faults.ts';
import { isSealed, type Sealer } from './sealing.ts';

/** A column derived from another: written with it, and not part of the record. */
type DerivedColumn = { readonly from: string; derive(value: never): number | string | null };
/** A table, and its columns that the database stores as other types than records have. */
export type Table = {
  readonly name: string;
  /** The unique column in whose order all rows are encrypted. Default: `id`. */
  readonly key?: string;
  /** The column by whose values single rows, or the few rows of a node, are read again and again: they are kept in memory. */
  readonly keptBy?: string;
  readonly json?: readonly string[];
  readonly boolean?: readonly string[];
  /** JSON columns stored encrypted, which therefore cannot be searched. */
  readonly sealed?: readonly string[];
  readonly derived?: Readonly<Record<string, DerivedColumn>>;
};

/** @typeParam T the records */
export class RecordCodec<T extends object> {
  readonly #table: Table;
  readonly #sealer: Sealer | undefined;

  /** @param sealer absent: secrets are stored in plain text */
  constructor(table: Table, sealer: Sealer | undefined) {
    this.#table = table;
    this.#sealer = sealer;
  }

  /** @param row may become the record */
  decode(row: object): T {
    const { json = [], boolean = [], derived, sealed = [] } = this.#table;
    const record = derived ? without(row, derived) : (row as Record<string, unknown>);
    for (const column of sealed) if (isSealed(record[column])) record[column] = this.#open(record[column], column);
    for (const column of json) if (typeof record[column] === 'string') record[column] = this.#parse(record[column], column);
    for (const column of boolean) if (column in record && record[column] !== null) record[column] = Boolean(record[column]);
    return record as T;
  }

  encode(record: object): Record<string, unknown> {
    const { json = [], derived = {}, sealed = [], name } = this.#table;
    const row: Record<string, unknown> = { ...record };
    for (const [column, { from, derive }] of Object.entries(derived)) {
      if (row[from] !== undefined) row[column] = derive(row[from] as never);
    }
    for (const column of json) {
      if (row[column] !== undefined && row[column] !== null) row[column] = JSON.stringify(row[column]);
    }
    for (const column of sealed) {
      const text = row[column];
      if (this.#sealer && typeof text === 'string') row[column] = this.#sealer.seal(text, `${name}.${column}`);
    }
    return row;
  }

  /** The parser's own message would repeat the value, which may be a secret. */
  #parse(text: string, column: string): unknown {
    // Most columns of most rows.
    if (text === '{}') return {};
    if (text === '[]') return [];
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`${this.#table.name}.${column} of a row is not valid JSON`);
    }
  }

  #open(value: string, column: string): string {
    const place = `${this.#table.name}.${column}`;
    if (!this.#sealer) throw new Fault('secretsKey', { file: 'of this database', detail: `${place} was read without it` });
    try {
      return this.#sealer.open(value, place);
    } catch (error) {
      throw new Fault(
        'secretsKey',
        { file: 'of this database', detail: `a value of ${place} is damaged or of another key` },
        error,
      );
    }
  }
}

/** Copied one by one: an object of which a member was deleted is a slow one from then on. */
function without(row: object, derived: object): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const column in row) if (!Object.hasOwn(derived, column)) record[column] = (row as Record<string, unknown>)[column];
  return record;
}
