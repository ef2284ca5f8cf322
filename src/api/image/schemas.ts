/** JSON schemas of the image API; glanceclient builds its objects from them. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { attributeTable } from '#services/image/attributes.ts';
import { route } from './policy.ts';

const image = {
  name: 'image',
  properties: Object.fromEntries(Object.entries(attributeTable).map(([name, { schema }]) => [name, schema])),
  additionalProperties: { type: 'string' },
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
};

const member = {
  name: 'member',
  properties: {
    image_id: { type: 'string' },
    member_id: { type: 'string' },
    status: { type: 'string', enum: ['pending', 'accepted', 'rejected'] },
    created_at: { type: 'string' },
    updated_at: { type: 'string' },
    schema: { type: 'string', readOnly: true },
  },
};

const shortTask = {
  id: { type: 'string', pattern: '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$' },
  type: { type: 'string', enum: ['import', 'api_image_import', 'location_import'] },
  status: { type: 'string', enum: ['pending', 'processing', 'success', 'failure'] },
  owner: { type: 'string' },
  expires_at: { type: ['null', 'string'] },
  created_at: { type: 'string' },
  updated_at: { type: 'string' },
  self: { type: 'string', readOnly: true },
  schema: { type: 'string', readOnly: true },
};
const task = {
  name: 'task',
  properties: {
    ...shortTask,
    input: { type: ['null', 'object'] },
    result: { type: ['null', 'object'] },
    message: { type: 'string' },
    image_id: { type: 'string' },
    request_id: { type: 'string' },
    user_id: { type: 'string' },
  },
};

export type Schema = { name: string; properties?: object; required?: unknown };
export const collection = (name: string, item: Schema) => ({
  name,
  properties: {
    [name]: { type: 'array', items: item },
    first: { type: 'string' },
    next: { type: 'string' },
    schema: { type: 'string' },
  },
  links: [
    { rel: 'first', href: '{first}' },
    { rel: 'next', href: '{next}' },
    { rel: 'describedby', href: '{schema}' },
  ],
});

const schemaTable: Readonly<Record<string, Schema>> = {
  image,
  images: collection('images', image),
  member,
  members: collection('members', member),
  task,
  tasks: collection('tasks', { name: 'task', properties: shortTask }),
};

export const schemaRoutes = [
  route({
    method: 'GET',
    path: '/schemas/:name',
    policy: 'default',
    summary: 'Show the JSON schema of a resource of this service',
    reply: Type.Unsafe<Schema>({ type: 'object' }),
    handler(request) {
      const { name } = request.params;
      const schema = Object.hasOwn(schemaTable, name) ? schemaTable[name] : undefined;
      if (!schema) throw new Fault('notFound', { what: 'Schema', id: name });
      return schema;
    },
  }),
];
