/** Metadata definitions, as in Glance: what keys and values images, flavors and the like may have. */
import { sql } from 'kysely';
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

export type MetadefNamespace = {
  id: string;
  /** Its unique name. */
  namespace: string;
  display_name: string | null;
  description: string | null;
  visibility: 'public' | 'private';
  /** Neither it nor what it contains may be deleted. */
  protected: boolean;
  owner: string;
  created_at: string;
  updated_at: string;
};

export class MetadefNamespaces extends Collection<MetadefNamespace> {
  static override readonly table = { name: 'metadef_namespaces', boolean: ['protected'] };
}

export const metadefKinds = ['object', 'property', 'tag', 'resource_type'] as const;
export type MetadefKind = (typeof metadefKinds)[number];

/** What a namespace contains. */
export type MetadefItem = {
  id: string;
  namespace_id: string;
  kind: MetadefKind;
  /** Unique among those of its kind in the namespace. */
  name: string;
  /** All but the name: of a tag, nothing. */
  content: JsonObject;
  created_at: string;
  updated_at: string;
};

export class MetadefItems extends Collection<MetadefItem, { metadef_items: MetadefItem }> {
  static override readonly table = { name: 'metadef_items', json: ['content'] };

  /** How many there are of each kind, and their length. */
  async sizes(namespace_id: string): Promise<{ kind: MetadefKind; count: number; characters: number }[]> {
    const rows = await this.db
      .selectFrom('metadef_items')
      .select(['kind', ({ fn }) => fn.countAll().as('count'), sql<number>`sum(length(content) + length(name))`.as('characters')])
      .where('namespace_id', '=', namespace_id)
      .groupBy('kind')
      .execute();
    return rows.map(({ kind, count, characters }) => ({ kind, count: Number(count), characters: Number(characters) }));
  }
}

/** The resource types that a namespace was ever associated with. */
export type MetadefResourceType = { name: string; created_at: string; updated_at: string };

export class MetadefResourceTypes extends Collection<MetadefResourceType> {
  static override readonly table = { name: 'metadef_resource_types', key: 'name' };
}
