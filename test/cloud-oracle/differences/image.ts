/** Intended differences between Glance 25 and Ingot. */
import type { Difference } from '../../oracle/row.ts';
import type { Kind } from '../kind.ts';

export const imageKinds: readonly Kind[] = [
  { service: 'image', at: /^headers\.x-openstack-request-id$/, holds: ({ ingot }) => ingot === true, why: 'each reply has one' },
  {
    service: 'image',
    at: /^headers\.content-type$/,
    holds: ({ peer, ingot }) => peer === 'text/html' && ingot === undefined,
    why: 'no content, no type',
  },
  {
    service: 'image',
    at: /^headers\.openstack-image-store-ids$/,
    holds: ({ ingot }) => ingot === 'local',
    why: 'Glance names its store where there are several; Ingot has one, with a name',
  },
  {
    service: 'image',
    at: /^body\.tasks\.\[/,
    steps: /GET tasks of the image$/,
    why: 'Ingot shows it as it shows tasks, with times in UTC and its store',
  },
];

export const imageDifferences: Readonly<Record<string, Difference>> = {
  ...Object.fromEntries(
    ['of no token', 'root'].map((step) => [
      `image versions: GET ${step}`,
      {
        why: 'Glance names versions by its settings; Ingot those whose routes it has',
        at: ['v2.8', 'v2.10', 'v2.11', 'v2.12', 'v2.13', 'v2.15'].map((id) => `body.versions.[${id}]`),
      },
    ]),
  ),
  ...Object.fromEntries(
    ['size_max=1', 'size_min=-1', 'min_disk=x'].map((query) => [
      `image lists: GET by ${query}`,
      {
        why: 'an image without data has 0 bytes for the filter, and no number is equal to what is none',
        at: ['alpha', 'beta', 'gamma'].map((name) => `body.images.[{${name}}]`),
      },
    ]),
  ),
  'image versions: GET an unknown version': { why: 'there is nothing; Glance lists its versions', status: [300, 404] },
  'image fields: POST image: a list': { why: 'Glance fails; Ingot says what is wrong', status: [500, 400] },
  'image fields: POST "size" 5': {
    why: 'refused by both; Ingot looks at the type first, Glance at the name',
    status: [403, 400],
  },
  'image fields: POST "owner" null': { why: 'an owner is a project', status: [201, 400] },
  'image fields: DELETE "owner" null': { why: 'an owner is a project', status: [204, 404] },
  'image fields: POST "locations" []': {
    why: 'refused by both; Ingot looks at the type first, Glance at the name',
    status: [403, 400],
  },
  'image fields: POST "locations" "x"': {
    why: 'refused by both; Ingot looks at the type first, Glance at the name',
    status: [400, 403],
  },
  'image fields: POST "locations" of 46 characters': {
    why: 'refused by both; Ingot looks at the type first, Glance at the name',
    status: [403, 400],
  },
  'image fields: POST "colour" null': { why: 'a property that is null is none', status: [400, 201] },
  'image fields: DELETE "colour" null': { why: 'a property that is null is none', status: [404, 204] },
  'image fields: POST "colour" of 65538 characters': { why: 'Glance fails; Ingot says what is wrong', status: [500, 400] },
  'image fields: POST "os_hash_algo" "md5"': { why: 'set by the data alone', status: [201, 403] },
  'image fields: DELETE "os_hash_algo" "md5"': { why: 'set by the data alone', status: [204, 404] },
  'image fields: POST "bad name\\u0000" "x"': {
    why: 'control characters are refused (docs/changes/control-characters.md)',
    status: [201, 400],
  },
  'image fields: DELETE "bad name\\u0000" "x"': {
    why: 'control characters are refused (docs/changes/control-characters.md)',
    status: [204, 404],
  },
  'image fields: HEAD shown': { why: 'what has a GET has a HEAD (RFC 9110, 9.1)', status: [405, 200] },
  'image fields: PATCH of JSON': { why: 'the same operations by the type of RFC 6902', status: [415, 200] },
  'image fields: PATCH of RFC 6902': { why: 'the same operations by the type of RFC 6902', status: [415, 200] },
  'image lists: GET by tag=a&tag=b': { why: 'every one of the repeated filters holds, also in the link', at: ['body.first'] },
  'image lists: GET by created_at=2020': { why: 'a time that is none is refused', status: [200, 400] },
  'image data: PUT of another type': { why: 'refused by both; Ingot reads what calls itself JSON first', status: [415, 400] },
  'image data: GET active': { why: 'the store has a name where there is data', at: ['body.stores'] },
  'image data: HEAD downloaded': { why: 'what has a GET has a HEAD (RFC 9110, 9.1)', status: [405, 200] },
  'image data: GET beyond the end': { why: 'RFC 9110 names the status so', at: ['body.error.title'] },
  'image data: GET of a range that is none': { why: 'RFC 9110 names the status so', at: ['body.error.title'] },
  'image data: GET of another unit': { why: 'RFC 9110 names the status so', at: ['body.error.title'] },
  'image data: GET deactivated': { why: 'the store has a name where there is data', at: ['body.stores'] },
  'image data: GET locations': { why: 'new locations of Glance 2024.2', status: [404, 200] },
  'image imports: GET stores': { why: 'Ingot has one store, with a name', status: [404, 200] },
  'image imports: GET stores in detail': { why: 'Ingot has one store, with a name', status: [404, 200] },
  'image imports: GET usage': {
    why: 'Ingot limits the number of images and uploads',
    at: ['body.usage.image_count_total', 'body.usage.image_count_uploading'],
  },
  'image imports: POST by a text': { why: 'Glance fails; Ingot says what is wrong', status: [500, 400] },
  'image imports: PUT staged of another type': {
    why: 'refused by both; Ingot reads what calls itself JSON first',
    status: [415, 400],
  },
  'image imports: GET imported': {
    why: 'the store has a name where there is data',
    at: ['body.stores'],
  },
  'image imports: POST a task': { why: 'tasks are made by imports alone (docs/limits.md)', status: [400, 501] },
  'image imports: POST a task that is unknown': { why: 'tasks are made by imports alone (docs/limits.md)', status: [400, 501] },
  'image imports: POST no task': { why: 'tasks are made by imports alone (docs/limits.md)', status: [400, 501] },
  'image imports: DELETE a task': { why: 'tasks are made by imports alone (docs/limits.md)', at: ['headers.allow'] },
  'image imports: DELETE cached': { why: 'Glance fails; Ingot says what is wrong', status: [500, 404] },
  'image members: POST too long': { why: 'Glance fails; Ingot says what is wrong', status: [500, 400] },
};
