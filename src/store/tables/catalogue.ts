/** What administrators add to the service catalogue, as in Keystone. The built-in part is no row. */
import { Collection } from '../collection.ts';

export type Region = { id: string; description: string; parent_region_id: string | null };

export class Regions extends Collection<Region> {
  static override readonly table = { name: 'regions' };
}

export type CatalogService = { id: string; type: string; name: string; description: string; enabled: boolean };

export class CatalogServices extends Collection<CatalogService> {
  static override readonly table = { name: 'catalog_services', boolean: ['enabled'] };
}

export type EndpointInterface = 'public' | 'internal' | 'admin';

export type CatalogEndpoint = {
  id: string;
  /** A row, or a built-in service. */
  service_id: string;
  interface: EndpointInterface;
  region_id: string | null;
  /** May name the project or user of a token: `%(project_id)s`. */
  url: string;
  enabled: boolean;
};

export class CatalogEndpoints extends Collection<CatalogEndpoint> {
  static override readonly table = { name: 'catalog_endpoints', boolean: ['enabled'] };
}
