/** An image in Glance's representation, and a table of that API's attributes. */
import type { Image } from '#store/tables/images.ts';

export const diskFormats = ['raw', 'qcow2', 'aki', 'ari', 'ami', 'vmdk', 'vdi', 'vhd', 'vhdx', 'iso'];
export const containerFormats = ['bare', 'aki', 'ari', 'ami', 'ovf', 'ova', 'docker', 'compressed'];
export const visibilities = ['public', 'private', 'shared', 'community'];

type Attribute = {
  /** JSON schema of the value, for `/v2/schemas/image`. */
  readonly schema: object;
  /** Who may change it after the image was created; absent = no one. */
  readonly change?: 'owner' | 'admin' | 'owner while queued';
};

const text = { type: ['null', 'string'], maxLength: 255 };
const count = { type: 'integer', minimum: 0 };
const time = { type: 'string', readOnly: true };
const fixed = (schema: object) => ({ schema: { ...schema, readOnly: true } });

/** All attributes except free properties. */
export const attributeTable: Readonly<Record<string, Attribute>> = {
  id: { schema: { type: 'string', pattern: '^([0-9a-fA-F]){8}(-([0-9a-fA-F]){4}){3}-([0-9a-fA-F]){12}$' } },
  name: { schema: text, change: 'owner' },
  status: fixed({ type: 'string', enum: ['queued', 'saving', 'active', 'killed', 'deleted'] }),
  visibility: { schema: { type: 'string', enum: visibilities }, change: 'owner' },
  protected: { schema: { type: 'boolean' }, change: 'owner' },
  os_hidden: { schema: { type: 'boolean' } },
  owner: { schema: text, change: 'admin' },
  disk_format: { schema: { type: ['null', 'string'], enum: [null, ...diskFormats] }, change: 'owner while queued' },
  container_format: { schema: { type: ['null', 'string'], enum: [null, ...containerFormats] }, change: 'owner while queued' },
  min_disk: { schema: count, change: 'owner' },
  min_ram: { schema: count, change: 'owner' },
  tags: { schema: { type: 'array', items: { type: 'string', maxLength: 255 } }, change: 'owner' },
  size: fixed({ type: ['null', 'integer'] }),
  virtual_size: fixed({ type: ['null', 'integer'] }),
  checksum: fixed(text),
  os_hash_algo: fixed(text),
  os_hash_value: fixed(text),
  created_at: { schema: time },
  updated_at: { schema: time },
  self: fixed({ type: 'string' }),
  file: fixed({ type: 'string' }),
  schema: fixed({ type: 'string' }),
  locations: fixed({ type: 'array' }),
  direct_url: fixed({ type: 'string' }),
};

export const isProperty = (name: string): boolean => !Object.hasOwn(attributeTable, name);

export function imageBody(image: Image): Record<string, unknown> {
  const { properties, created_at, updated_at, uploaded_by_admin: _, ...attributes } = image;
  return {
    ...properties,
    ...attributes,
    os_hidden: false,
    created_at: wholeSeconds(created_at),
    updated_at: wholeSeconds(updated_at),
    self: `/v2/images/${image.id}`,
    file: `/v2/images/${image.id}/file`,
    schema: '/v2/schemas/image',
  };
}

/** Glance clients parse times without a fraction. */
function wholeSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}
