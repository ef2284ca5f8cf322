/** The attributes of images: one table for requests, changes and the schemas that Glance publishes. */
import { type Static, type TSchema, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { shorten } from './limits.ts';

export const diskFormats = ['raw', 'qcow2', 'aki', 'ari', 'ami', 'vmdk', 'vdi', 'vhd', 'vhdx', 'iso'];
export const containerFormats = ['bare', 'aki', 'ari', 'ami', 'ovf', 'ova', 'docker', 'compressed'];
export const visibilities = ['public', 'private', 'shared', 'community'];

/** Glance's; images of Ingot are never `killed` or `pending_delete`. */
export const imageStatuses = [
  ...['queued', 'saving', 'active', 'killed', 'deleted', 'uploading', 'importing', 'pending_delete', 'deactivated'],
];

/** Glance stores sizes as signed 32-bit integers. */
const largestSize = 2_147_483_647;

const orNull = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()]);
const Size = Type.Integer({ minimum: 0, maximum: largestSize });

/** The request for a new image; all other names are free properties. */
export const NewImage = Type.Object(
  {
    id: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' })),
    name: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
    disk_format: Type.Optional(orNull(Type.Enum(diskFormats))),
    container_format: Type.Optional(orNull(Type.Enum(containerFormats))),
    visibility: Type.Optional(Type.Enum(visibilities)),
    protected: Type.Optional(Type.Boolean()),
    min_disk: Type.Optional(Size),
    min_ram: Type.Optional(Size),
    tags: Type.Optional(Type.Array(Type.String({ maxLength: 255 }))),
    owner: Type.Optional(Type.String()),
    os_hidden: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: Type.Union([Type.String(), Type.Null()]) },
);
export type NewImage = Static<typeof NewImage>;

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
  status: fixed({ type: 'string', enum: imageStatuses }),
  visibility: { schema: { type: 'string', enum: visibilities }, change: 'owner' },
  protected: { schema: { type: 'boolean' }, change: 'owner' },
  os_hidden: { schema: { type: 'boolean' }, change: 'owner' },
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
  stores: fixed({ type: 'string' }),
  locations: fixed({ type: 'array' }),
  direct_url: fixed({ type: 'string' }),
};

/** Names that no property may have: the first are columns of Glance, the others what Glance itself writes. */
export function refuseReserved(name: string): void {
  if (['location', 'deleted', 'deleted_at'].includes(name) || name.startsWith('os_glance'))
    throw new Fault('forbidden', { detail: `Attribute '${shorten(name)}' is reserved.` });
}

export const isProperty = (name: string): boolean => !Object.hasOwn(attributeTable, name);
