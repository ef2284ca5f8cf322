/**
 * Rows that were read and that no statement has changed since: an operation reads its node at each of its steps. Only of
 * the embedded database, whose file no other process can write. What is kept was durable when it was read.
 */

/** What a query has read; `size`: the characters of its columns. */
export type ReadRows<T = object> = { readonly records: readonly T[]; readonly size: number };
/** `text` tells apart the queries by the same key, such as their order. */
type Known = ReadRows & { readonly text: string };
/** The rows that a statement changes: those with the key at this place of its parameters, or all of the table. */
type Effect = { readonly rows: RowsOfTable; readonly place: number | undefined };

/** Bounds of a table: its queries, all their characters, and those of the longest. */
const [knownMax, charactersMax, longestKept] = [2000, 4 << 20, 64 << 10];
const effectsMax = 1000;

export class KnownRows {
  readonly #tables = new Map<string, RowsOfTable>();
  /** By the text of a statement; null: none that is kept, undefined: possibly any. */
  readonly #effects = new Map<string, Effect | null | undefined>();

  /** @param key the column by which they are asked for */
  of(table: string, key: string): RowsOfTable {
    const known = this.#tables.get(table);
    if (known) return known;
    const rows = new RowsOfTable(key);
    this.#tables.set(table, rows);
    this.#effects.clear();
    return rows;
  }

  /** Called with each statement that may write, when it is executed: nothing is between. */
  written(sql: string, parameters: readonly unknown[]): void {
    if (!this.#effects.has(sql)) {
      if (this.#effects.size >= effectsMax) this.#effects.clear();
      this.#effects.set(sql, this.#effectOf(sql));
    }
    const effect = this.#effects.get(sql);
    if (effect === null) return;
    if (!effect) this.forgetAll();
    else if (effect.place === undefined) effect.rows.forgetAll();
    else effect.rows.forget(parameters[effect.place]);
  }

  forgetAll(): void {
    for (const rows of this.#tables.values()) rows.forgetAll();
  }

  #effectOf(sql: string): Effect | null | undefined {
    const [start, verb = '', table = ''] = /^(insert into|update|delete from) "(\w+)"/.exec(sql) ?? [];
    // With a node, the database deletes rows of other tables.
    if (start === undefined || start === 'delete from "nodes"') return undefined;
    const rows = this.#tables.get(table);
    return rows ? { rows, place: placeOf(rows.key, verb, sql.slice(start.length)) } : null;
  }
}

export class RowsOfTable {
  readonly key: string;
  /** By the value of the key, the least recently used first. */
  readonly #known = new Map<unknown, Known>();
  /** The last query of each key that has begun, until a statement changes what it reads. */
  readonly #begun = new Map<unknown, object>();
  #size = 0;

  constructor(key: string) {
    this.key = key;
  }

  /** The members of the records must not be changed. */
  get(value: string, text: string): readonly object[] | undefined {
    const known = this.#known.get(value);
    if (known?.text !== text) return undefined;
    this.#known.delete(value);
    this.#known.set(value, known);
    return known.records;
  }

  /** Keeps what is read. Not in a transaction, which may be rolled back. */
  async read<T extends object>(value: string, text: string, read: () => Promise<ReadRows<T>>): Promise<readonly T[]> {
    const query = {};
    this.#begun.set(value, query);
    try {
      const { records, size } = await read();
      if (this.#begun.get(value) === query && size <= longestKept) this.#keep(value, { text, size, records });
      return records;
    } finally {
      if (this.#begun.get(value) === query) this.#begun.delete(value);
    }
  }

  forget(value: unknown): void {
    this.#begun.delete(value);
    this.#size -= this.#known.get(value)?.size ?? 0;
    this.#known.delete(value);
  }

  forgetAll(): void {
    this.#begun.clear();
    this.#known.clear();
    this.#size = 0;
  }

  #keep(value: string, known: Known): void {
    this.forget(value);
    for (const record of known.records) freezeMembers(record);
    this.#known.set(value, known);
    this.#size += known.size;
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= knownMax && this.#size <= charactersMax) return;
      this.forget(oldest);
    }
  }
}

/** Readers share them: who changes one gets an error rather than changes what others read. */
function freezeMembers(value: object): void {
  for (const member of Object.values(value)) {
    if (typeof member !== 'object' || member === null) continue;
    Object.freeze(member);
    freezeMembers(member);
  }
}

/** Of the parameter that the key must equal, or is inserted as, in a statement as the query builder writes it. */
function placeOf(key: string, verb: string, rest: string): number | undefined {
  if (verb === 'insert into') {
    const columns = /^ \(([^()]*)\) values \(([?, ]*)\)(?: returning \*)?$/.exec(rest)?.[1]?.split(', ');
    const place = columns?.indexOf(`"${key}"`) ?? -1;
    return place < 0 ? undefined : place;
  }
  const [, changed = '', condition] = /^( set .*)? where (.*)$/.exec(rest) ?? [];
  // No text in quotes, no alternative, and no condition inside of another.
  const isPlain = condition !== undefined && !/'|\bor\b|\bselect\b/i.test(rest) && !changed.includes(`"${key}" =`);
  if (!isPlain || !condition.startsWith(`"${key}" = ?`)) return undefined;
  return changed.split('?').length - 1;
}
