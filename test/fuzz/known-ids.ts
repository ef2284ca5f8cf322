/** The ids of resources that requests have made, by kind, so that later requests are about something that exists. */
import type { Ids } from '#test/two-projects.ts';
import { pick, type Roll } from './dice.ts';

const mostOfKind = 12;

export class KnownIds {
  /** By the plural in a path: `networks`. */
  readonly #kinds = new Map<string, string[]>();

  constructor(tables: readonly Ids[]) {
    for (const table of tables) for (const [kind, id] of Object.entries(table)) this.#add(kind, id);
  }

  /** For a parameter of a path that follows a plural. */
  of(kind: string, parameter: string, roll: Roll): string {
    const known = this.#kinds.get(kind) ?? this.#kinds.get(pluralOf(parameter));
    return roll(12) === 0 || known === undefined ? pick(this.#all(), roll) : pick(known, roll);
  }

  idFor(property: string, roll: Roll): string | undefined {
    const stem = property.replace(/(_?id|_?uuid|Ref|_ids|_uuids)$/, '');
    const known = this.#kinds.get(pluralOf(stem)) ?? this.#kinds.get(stem);
    if (known) return pick(known, roll);
    return /(^|_)(uu)?id$/.test(property) ? pick(this.#all(), roll) : undefined;
  }

  /** What a request has made or removed. */
  learn(method: string, url: string, body: unknown): void {
    const [kind = '', id = ''] = (url.split('?')[0] ?? '').split('/').slice(-2);
    if (method === 'POST') this.#addFrom(id, body);
    // One of few is kept, so that some requests are about what is gone.
    if (method === 'DELETE') for (const each of spellings(kind)) this.#remove(each, id);
  }

  #remove(kind: string, id: string): void {
    const known = this.#kinds.get(kind);
    if (known && known.length > 1)
      this.#kinds.set(
        kind,
        known.filter((each) => each !== id),
      );
  }

  #addFrom(kind: string, body: unknown): void {
    if (typeof body !== 'object' || body === null) return;
    for (const made of [body, ...Object.values(body).flat()]) {
      const { id, uuid, namespace } = (made ?? {}) as Readonly<Record<string, unknown>>;
      const name = [uuid, id, namespace].find((each) => typeof each === 'string');
      if (name !== undefined) this.#add(kind, name as string);
    }
  }

  #add(kind: string, id: string): void {
    for (const each of spellings(kind)) {
      const known = this.#kinds.get(each) ?? [];
      known.push(id);
      if (known.length > mostOfKind) known.shift();
      this.#kinds.set(each, known);
    }
  }

  #all(): string[] {
    return [...this.#kinds.values()].flat();
  }
}

function spellings(kind: string): Set<string> {
  return new Set([kind, kind.replaceAll('-', '_')]);
}

function pluralOf(word: string): string {
  if (word.endsWith('y')) return `${word.slice(0, -1)}ies`;
  return /(s|x)$/.test(word) ? word : `${word}s`;
}
