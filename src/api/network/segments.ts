/** `/segments`: what networks are on the wire, in several places. */
import { type Static, Type } from 'typebox';
import { createSegment, deleteSegment, missingSegment, type SegmentChanges, updateSegment } from '#services/network/segments.ts';
import { listTables } from '#store/list-tables.ts';
import type { NetworkSegment } from '#store/tables/network-segments.ts';
import { integerField, type ListFields, nullableField, textFields } from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { revisedFields } from './list-query.ts';
import type { NetworkRule } from './policy.ts';
import { resourceOf, resourceRoutes } from './resource.ts';
import { Description, Name, Owner, revisedView } from './standard-attributes.ts';

const Text = Type.String();
const { project_id: _project, tenant_id: _tenant, ...standardView } = revisedView((segment: NetworkSegment) => segment);

const segmentView = viewOf<NetworkSegment, NetworkRule>()({
  ...standardView,
  name: { type: Nullable(Text), value: ({ name }) => name },
  network_id: { type: Text, value: ({ network_id }) => network_id },
  network_type: { type: Text, value: ({ network_type }) => network_type },
  physical_network: { type: Nullable(Text), value: ({ physical_network }) => physical_network },
  segmentation_id: { type: Nullable(Type.Integer()), value: ({ segmentation_id }) => segmentation_id },
});

const Changes = Type.Object({ name: Maybe(Name), description: Type.Optional(Description) }, { additionalProperties: false });
const NewSegment = Type.Object(
  {
    ...Changes.properties,
    ...Owner,
    network_id: Type.String({ maxLength: 36 }),
    network_type: Type.String({ maxLength: 32 }),
    physical_network: Maybe(Type.String({ maxLength: 64 })),
    segmentation_id: Maybe(Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 })),
  },
  { additionalProperties: false },
);

const { tenant_id: _tenants, project_id: _projects, ...standardFields } = revisedFields;
const segmentFields: ListFields = {
  ...standardFields,
  ...textFields('network_id', 'network_type'),
  name: nullableField('name'),
  physical_network: nullableField('physical_network'),
  segmentation_id: integerField('segmentation_id'),
};

const segments = resourceOf<NetworkSegment, Static<typeof NewSegment>, SegmentChanges>()({
  noun: 'segment',
  plural: 'segments',
  path: 'segments',
  title: 'a network segment',
  collection: (store) => store.network_segments,
  table: listTables.network_segments,
  visible: () => [],
  isOfAll: true,
  missing: missingSegment,
  fields: segmentFields,
  view: segmentView,
  items: async (_, rows) => rows,
  create: { body: NewSegment, run: ({ context }, fields) => createSegment(context, fields) },
  update: { body: Changes, run: ({ context }, segment, fields) => updateSegment(context, segment, fields) },
  remove: ({ context }, segment) => deleteSegment(context, segment),
});

export const segmentRoutes = resourceRoutes(segments);
