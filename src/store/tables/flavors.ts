/** Flavors, as in Nova. */
import { Collection } from '../collection.ts';
import { contains } from '../contains.ts';

export type Flavor = {
  id: string;
  name: string;
  vcpus: number;
  ram: number;
  disk: number;
  ephemeral: number;
  /** MiB. */
  swap: number;
  is_public: boolean;
  description: string | null;
  extra_specs: Record<string, string>;
  created_at: string;
};

export class Flavors extends Collection<Flavor, { flavors: Flavor }> {
  static override readonly table = { name: 'flavors', json: ['extra_specs'], boolean: ['is_public'] };

  /** Those whose extra specs name the image. */
  async listOfImage(id: string): Promise<Pick<Flavor, 'name'>[]> {
    return this.db.selectFrom('flavors').select('name').where(contains('extra_specs', id)).execute();
  }
}
