/** Holds the differences that a walk finds against those that are intended. */
import type { Deviation } from '../compare.ts';
import { walkedDifferences } from './differences.ts';
import type { Excuse } from './excuse.ts';

export class Excuses {
  readonly #used = new Set<Excuse>();

  covers(name: string, { at, peer, ingot }: Deviation): boolean {
    const excuse = walkedDifferences.find((each) => {
      if (!each.name.test(name)) return false;
      if (at !== 'status') return each.at?.test(at) ?? false;
      const [one, other] = each.status ?? [];
      return each.status !== undefined && (one ?? peer) === peer && (other ?? ingot) === ingot;
    });
    if (excuse) this.#used.add(excuse);
    return excuse !== undefined;
  }

  unused(): string[] {
    return walkedDifferences.filter((excuse) => !this.#used.has(excuse)).map(({ name, why }) => `${name}: ${why}`);
  }
}

export function asWords(found: readonly Deviation[]): string {
  const inShort = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 200);
  return found.map(({ at, peer, ingot }) => `        ${at}: peer ${inShort(peer)}, Ingot ${inShort(ingot)}\n`).join('');
}
