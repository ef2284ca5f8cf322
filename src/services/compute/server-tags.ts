/** Tags of servers, with Nova's limits (nova/objects/instance.py, nova/objects/tag.py). */
import { Fault } from '#domain/faults.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ComputeContext } from './context.ts';

export const mostTags = 50;
export const longestTag = 60;
export const tagPattern = '^[^,/]*$';

/** States in which Nova changes tags. */
const taggedIn: readonly string[] = ['active', 'stopped'];

type Change = {
  /** For the refusal. */
  readonly action: string;
  readonly edit: (old: readonly string[]) => readonly string[];
};

/** All tags after the change. @throws Fault `conflict` in another state, and what `edit` throws */
export async function changeTags({ engine }: ComputeContext, { id }: Server, { action, edit }: Change): Promise<string[]> {
  const changed = await engine.updateServer(id, ({ tags, vm_state }) => {
    if (!taggedIn.includes(vm_state))
      throw new Fault('conflict', { detail: `Cannot '${action}' instance ${id} while it is in vm_state ${vm_state}` });
    return { tags: sortedTags(edit(tags)) };
  });
  return changed.tags;
}

/** Each once. */
export function sortedTags(tags: readonly string[]): string[] {
  return [...new Set(tags)].sort();
}

/** @throws Fault `badRequest` */
export function refuseInvalidTag(tag: string): void {
  if (tag.length >= 1 && tag.length <= longestTag && new RegExp(tagPattern).test(tag)) return;
  const detail = `Tag '${tag}' is invalid. It must be a non empty string without characters '/' and ',', of at most ${longestTag} characters.`;
  throw new Fault('badRequest', { detail });
}

export function tagMissing(id: string, tag: string): Fault {
  return new Fault('missing', { detail: `Server ${id} has no tag '${tag}'` });
}

export function tooManyTags(): Fault {
  return new Fault('badRequest', { detail: `The number of tags exceeded the per-server limit ${mostTags}` });
}
