/** Traits: capabilities of a machine that flavors require or forbid. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { longestTrait, mostTraits, traitPattern } from '#domain/traits.ts';
import type { BaremetalContext } from './context.ts';
import { findNode } from './lookup.ts';

export const Trait = Type.String({ maxLength: longestTrait, pattern: traitPattern });

type Change = (traits: readonly string[]) => readonly string[];

async function changeTraits(context: BaremetalContext, ident: string, change: Change): Promise<void> {
  const { uuid } = await findNode(context, ident);
  await context.engine.updateNode(uuid, (now) => {
    const distinct = [...new Set(change(now.traits))].sort();
    if (distinct.length > mostTraits)
      throw new Fault('badRequest', { detail: `A node has at most ${mostTraits} traits, not ${distinct.length}.` });
    return { traits: distinct };
  });
}

export function setTraits(context: BaremetalContext, ident: string, traits: readonly string[]): Promise<void> {
  return changeTraits(context, ident, () => traits);
}

export function addTrait(context: BaremetalContext, ident: string, trait: string): Promise<void> {
  return changeTraits(context, ident, (traits) => [...traits, trait]);
}

/** Throws `notFound` if the node does not have it. */
export function removeTrait(context: BaremetalContext, ident: string, trait: string): Promise<void> {
  return changeTraits(context, ident, (traits) => {
    if (!traits.includes(trait)) throw new Fault('notFound', { what: `Trait ${trait} of node`, id: ident });
    return traits.filter((each) => each !== trait);
  });
}
