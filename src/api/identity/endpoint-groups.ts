/** Endpoint groups: endpoints with something in common, which the catalogues of projects show. */
import { Type } from 'typebox';
import {
  createEndpointGroup,
  deleteEndpointGroup,
  getEndpointGroup,
  isInGroup,
  listEndpointGroups,
  updateEndpointGroup,
} from '#services/identity/endpoint-filter.ts';
import type { EndpointGroup } from '#store/tables/endpoint-filter.ts';
import { type ListFields, textField } from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { allEndpoints, EndpointsReply, endpointsReply } from './endpoints.ts';
import { selfLink } from './links.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { route } from './policy.ts';
import { CollectionLinks, refuseNewId, SelfLink } from './schemas.ts';

const Id = Type.String({ maxLength: 255 });
const Interface = Type.Union([Type.Literal('public'), Type.Literal('internal'), Type.Literal('admin')]);
const closed = { additionalProperties: false };
const Filters = Type.Object({ interface: Type.Optional(Interface), service_id: Type.Optional(Id), region_id: Maybe(Id) }, closed);
const Fields = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255 }),
    description: Maybe(Type.String({ maxLength: 4096 })),
    filters: Filters,
  },
  closed,
);

const text = Type.String();
export const endpointGroupView = viewOf<EndpointGroup>()({
  id: { type: text, value: ({ id }) => id },
  name: { type: text, value: ({ name }) => name },
  description: { type: Nullable(text), value: ({ description }) => description },
  filters: { type: Type.Record(text, Nullable(text)), value: ({ filters }) => ({ ...filters }) as Record<string, string | null> },
  links: {
    type: SelfLink,
    value: ({ id }, { request, context }) => selfLink(context, request, `/OS-EP-FILTER/endpoint_groups/${id}`),
  },
});
const GroupReply = Type.Object({ endpoint_group: endpointGroupView.schema });
export const EndpointGroupsReply = Type.Object({
  endpoint_groups: Type.Array(endpointGroupView.schema),
  links: CollectionLinks,
});
const fields: ListFields = { name: textField('name') };

const path = '/OS-EP-FILTER/endpoint_groups';

export const endpointGroupRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'identity:list_endpoint_groups',
    summary: 'List endpoint groups',
    query: listQuery(fields),
    reply: EndpointGroupsReply,
    async handler(request, context) {
      const page = await listEndpointGroups(context, readListQuery(request.query, fields));
      const links = collectionLinks(context, request, path, page);
      return { endpoint_groups: page.items.map(endpointGroupView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:id`,
    policy: 'identity:get_endpoint_group',
    summary: 'Show an endpoint group',
    reply: GroupReply,
    handler: async (request, context) => ({
      endpoint_group: endpointGroupView.of(request, context)(await getEndpointGroup(context, request.params.id)),
    }),
  }),
  route({
    method: 'POST',
    path,
    policy: 'identity:create_endpoint_group',
    summary: 'Create an endpoint group',
    status: 201,
    body: Type.Object({ endpoint_group: Fields }, closed),
    reply: GroupReply,
    handler: async (request, context) => ({
      endpoint_group: endpointGroupView.of(request, context)(await createEndpointGroup(context, request.body.endpoint_group)),
    }),
  }),
  route({
    method: 'PATCH',
    path: `${path}/:id`,
    policy: 'identity:update_endpoint_group',
    summary: 'Change an endpoint group',
    body: Type.Object({ endpoint_group: Type.Partial(Fields, { minProperties: 1 }) }, closed),
    reply: GroupReply,
    async handler(request, context) {
      refuseNewId(request.body.endpoint_group, request.params.id);
      const group = await updateEndpointGroup(context, request.params.id, request.body.endpoint_group);
      return { endpoint_group: endpointGroupView.of(request, context)(group) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/:id`,
    policy: 'identity:delete_endpoint_group',
    summary: 'Delete an endpoint group',
    status: 204,
    handler: (request, context) => deleteEndpointGroup(context, request.params.id),
  }),
  route({
    method: 'GET',
    path: `${path}/:id/endpoints`,
    policy: 'identity:list_endpoints_associated_with_endpoint_group',
    summary: 'List the endpoints in a group',
    reply: EndpointsReply,
    async handler(request, context) {
      const group = await getEndpointGroup(context, request.params.id);
      const inside = (await allEndpoints(context, request)).filter((endpoint) => isInGroup(endpoint, group));
      return endpointsReply(context, request, { path: `${path}/${group.id}/endpoints`, endpoints: inside });
    },
  }),
];
