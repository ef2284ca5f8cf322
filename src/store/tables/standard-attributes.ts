/** What all resources of the network service have beside their own fields. */
import { sql } from 'kysely';
import { Collection } from '../collection.ts';
import type { Where } from '../query-parts.ts';

export type StandardAttributes = {
  id: string;
  name: string;
  project_id: string;
  description: string;
  tags: string[];
  /** Another one after each change, so that a client can make a change depend on what it has read. */
  revision_number: number;
  created_at: string;
  updated_at: string;
};
/** Where there is neither a name nor tags. */
export type UnnamedAttributes = Omit<StandardAttributes, 'name' | 'tags'>;

/** Each update is another revision. */
// biome-ignore lint/suspicious/noExplicitAny: as in Collection
export abstract class RevisedCollection<T extends UnnamedAttributes, Columns = any> extends Collection<T, Columns> {
  override update(where: Where<T>, patch: Partial<T>): Promise<number> {
    const { revision_number: _, ...changes } = patch;
    return super.update(where, { ...changes, revision_number: sql`revision_number + 1` } as unknown as Partial<T>);
  }

  /** Of which something changed that is shown with it, such as a rule of a security group. */
  revise(id: string): Promise<number> {
    return this.update({ id } as Where<T>, { updated_at: new Date().toISOString() } as Partial<T>);
  }
}
