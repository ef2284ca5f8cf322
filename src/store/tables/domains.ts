/** Domains, as in Keystone: the owners of users, groups and projects. */
import { Collection } from '../collection.ts';

/** Options of domains, projects and roles; an absent one is not set. */
export type ResourceOptions = {
  /** Whether it can be neither changed nor deleted until the option is set to false. */
  immutable?: boolean;
};

export type Domain = {
  id: string;
  name: string;
  description: string;
  enabled: boolean;
  tags: string[];
  options: ResourceOptions;
};

export class Domains extends Collection<Domain> {
  static override readonly table = { name: 'domains', json: ['tags', 'options'], boolean: ['enabled'] };
}
