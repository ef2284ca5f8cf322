/** Keystone's OS-EP-FILTER: which endpoints the catalogues of projects show. */
import { Collection } from '../collection.ts';

/** What an endpoint must have to be in a group. */
export type EndpointFilters = {
  interface?: string;
  service_id?: string;
  region_id?: string | null;
};

export type EndpointGroup = { id: string; name: string; description: string | null; filters: EndpointFilters };

export class EndpointGroups extends Collection<EndpointGroup> {
  static override readonly table = { name: 'endpoint_groups', json: ['filters'] };
}

/** `endpoint_id`: of a row, or of a built-in endpoint. */
export type ProjectEndpoint = { project_id: string; endpoint_id: string };

export class ProjectEndpoints extends Collection<ProjectEndpoint> {
  static override readonly table = { name: 'project_endpoints', key: 'endpoint_id' };
}

export type ProjectEndpointGroup = { project_id: string; endpoint_group_id: string };

export class ProjectEndpointGroups extends Collection<ProjectEndpointGroup> {
  static override readonly table = { name: 'project_endpoint_groups', key: 'endpoint_group_id' };
}
