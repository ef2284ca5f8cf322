/** Domains, as in Keystone: the owners of users and projects. */
import { Collection } from '../collection.ts';

export type Domain = { id: string; name: string; description: string; enabled: boolean };

export class Domains extends Collection<Domain> {
  static override readonly table = { name: 'domains', boolean: ['enabled'] };
}
