/** The tree of projects in a domain: at most five deep, without cycles, since a project never changes its parent. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Project } from '#store/tables/projects.ts';

/** Keystone's `max_project_tree_depth`. */
export const deepest = 5;
/** A statement has a limited number of parameters. */
const idsAtOnce = 500;

type Place = Pick<Project, 'parent_id' | 'domain_id'>;

/** The projects above this one, the nearest first. */
export async function ancestorsOf(store: Store, { parent_id, domain_id }: Place): Promise<Project[]> {
  const found: Project[] = [];
  let next = parent_id;
  while (next !== domain_id && next !== '' && found.length < deepest) {
    const parent = await store.projects.find({ id: next });
    if (!parent) break;
    found.push(parent);
    next = parent.parent_id;
  }
  return found;
}

/** All projects below these: those of one level before those of the next. */
export async function subtreeOf(store: Store, ids: readonly string[]): Promise<Project[]> {
  const found: Project[] = [];
  let parents = ids;
  for (let level = 0; level < deepest && parents.length > 0; level++) {
    const children: Project[] = [];
    for (let start = 0; start < parents.length; start += idsAtOnce)
      children.push(...(await store.projects.list({ parent_id: parents.slice(start, start + idsAtOnce) })));
    found.push(...children);
    parents = children.map(({ id }) => id);
  }
  return found;
}

/** @throws Fault unless a project can be made there. @returns the parent's id: a project, or the domain */
export async function checkParent(store: Store, parent_id: string, domain_id: string): Promise<string> {
  if (parent_id === domain_id) return domain_id;
  const parent = await store.projects.find({ id: parent_id });
  if (!parent) throw badParent(await absentParent(store, parent_id, domain_id));
  if (parent.domain_id !== domain_id) {
    const elsewhere = `specifies a parent in a different domain (${parent.domain_id}).`;
    throw badParent(`Cannot create project, since it specifies its domain_id ${domain_id}, but ${elsewhere}`);
  }
  const above = [parent, ...(await ancestorsOf(store, parent))];
  const disabled = above.find(({ enabled }) => !enabled);
  if (disabled) throw badParent(`cannot create a project in a branch containing a disabled project: ${disabled.id}`);
  if (above.length >= deepest) throw new Fault('forbidden', { detail: `Max hierarchy depth reached for ${parent_id} branch.` });
  return parent_id;
}

async function absentParent(store: Store, parent_id: string, domain_id: string): Promise<string> {
  const domain = await store.domains.find({ id: parent_id });
  if (!domain) return `Could not find project: ${parent_id}.`;
  const mismatch = `but this project's domain id (${domain_id}) does not match the parent's id.`;
  return `Cannot create project, the parent (${parent_id}) is acting as a domain, ${mismatch}`;
}

function badParent(detail: string): Fault {
  return new Fault('badRequest', { detail });
}

/** As Keystone nests the ids above: the parent's, in it the next one's, at the top that of the domain. */
export type NestedIds = { readonly [id: string]: NestedIds | null };

export function parentsAsIds(ancestors: readonly Project[], domain_id: string): NestedIds {
  const ids = [...ancestors.map(({ id }) => id), domain_id];
  return ids.reduceRight<NestedIds | null>((inner, id) => ({ [id]: inner }), null) ?? {};
}

/** @returns null for a project without any below */
export function subtreeAsIds(id: string, subtree: readonly Project[]): NestedIds | null {
  const children = Map.groupBy(subtree, ({ parent_id }) => parent_id);
  const nest = (parent: string): NestedIds | null => {
    const below = children.get(parent);
    return below ? Object.fromEntries(below.map((child) => [child.id, nest(child.id)])) : null;
  };
  return nest(id);
}
