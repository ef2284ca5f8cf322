/** Access rules, as in Keystone: a request for which an application credential may be used. */
import { Collection } from '../collection.ts';

export type AccessRule = {
  id: string;
  user_id: string;
  /** The type of the service in the catalogue. */
  service: string;
  method: string;
  /** A pattern (`domain/path-patterns.ts`). */
  path: string;
};

export class AccessRules extends Collection<AccessRule> {
  static override readonly table = { name: 'access_rules' };
}
