/** The projects that may use private flavors, as in Nova: rows go with their flavor. */
import { Collection } from '../collection.ts';

export type FlavorAccess = {
  flavor_id: string;
  project_id: string;
};

export class FlavorAccesses extends Collection<FlavorAccess, { flavor_access: FlavorAccess }> {
  static override readonly table = { name: 'flavor_access', key: 'flavor_id' };
}
