/** `/v1/volume/connectors` and `/v1/volume/targets`. They are removed with the row's node. */
import type { JsonObject } from '#domain/json.ts';
import { own } from '../fixture.ts';
import { type Ask, type Given, get, post, type Row, remove } from '../row.ts';

type Options = Parameters<typeof post>[3];
type Kind = { readonly noun: 'connector' | 'target'; readonly fields: JsonObject; readonly other: JsonObject };

const kinds: readonly Kind[] = [
  {
    noun: 'connector',
    fields: { type: 'iqn', connector_id: 'iqn.2026-01.com.example:n1' },
    other: { connector_id: 'iqn.2026-01.com.example:n2' },
  },
  {
    noun: 'target',
    fields: { volume_type: 'iscsi', volume_id: 'volume-1', boot_index: 0 },
    other: { boot_index: 1 },
  },
];
const kept = 'ffffffff-0000-4000-8000-000000000001';

function rowsOf({ noun, fields, other }: Kind): readonly Row[] {
  const path = `/volume/${noun}s`;
  const made: Ask = { method: 'POST', path, body: { node_uuid: '$NODE', uuid: kept, ...fields } };
  const having: { given: Given } = { given: { done: [made] } };
  const create = (name: string, given: JsonObject, options: Options = {}): Row =>
    post(`volume ${noun}: ${name}`, path, { node_uuid: '$NODE', uuid: own, ...fields, ...given }, options);
  const patch = (name: string, body: unknown, given: Given = having.given): Row => ({
    name: `volume ${noun} patch: ${name}`,
    given,
    ask: { method: 'PATCH', path: `${path}/${kept}`, body },
  });
  const [name = '', value] = Object.entries(other)[0] ?? [];
  return [
    create('plain', {}),
    create('extra', { extra: { a: 1 } }),
    create('extra that is null', { extra: null }),
    create('a UUID that is none', { uuid: 'x' }),
    create('a UUID that is taken', { uuid: kept, ...other }, having),
    create('what is taken', {}, having),
    create('an unknown field', { color: 'red' }),
    create('an unknown node', { node_uuid: own }),
    create('a node by name', { node_uuid: 'n1' }),
    post(`volume ${noun}: of a node alone`, path, { node_uuid: '$NODE' }),
    get(`volume ${noun}: shown`, `${path}/${kept}`, having),
    get(`volume ${noun}: fields`, `${path}/${kept}?fields=${name}`, having),
    get(`volume ${noun}: unknown fields`, `${path}/${kept}?fields=color`, having),
    get(`volume ${noun}s: all`, path, having),
    get(`volume ${noun}s: in detail`, `${path}?detail=True`, having),
    get(`volume ${noun}s: detail with fields`, `${path}?detail=True&fields=uuid`, having),
    get(`volume ${noun}s: by node`, `${path}?node=n1`, having),
    get(`volume ${noun}s: below a node`, `/nodes/$NODE/volume/${noun}s`, having),
    get(`volume ${noun}s: sorted`, `${path}?sort_key=${name}`, having),
    get(`volume ${noun}s: sorted by a bag`, `${path}?sort_key=extra`, having),
    get(`volume ${noun}s: an unknown sort key`, `${path}?sort_key=color`, having),
    get(`volume ${noun}s: a marker that does not exist`, `${path}?marker=${own}`, having),
    get(`volume ${noun}s: an unknown query`, `${path}?color=red`, having),
    patch('of a node whose power is unknown', [{ op: 'replace', path: `/${name}`, value }]),
    patch('the UUID', [{ op: 'replace', path: '/uuid', value: own }]),
    patch('an unknown field', [{ op: 'add', path: '/color', value: 'red' }]),
    patch('what is required removed', [{ op: 'remove', path: `/${name}` }]),
    patch('a node that is no UUID', [{ op: 'replace', path: '/node_uuid', value: 'n1' }]),
    patch('a node that does not exist', [{ op: 'replace', path: '/node_uuid', value: own }]),
    remove(`volume ${noun}: deleted`, `${path}/${kept}`, having),
  ];
}

export const volumeRows: readonly Row[] = [
  ...kinds.flatMap(rowsOf),
  post('volume target: a password', '/volume/targets', {
    ...{ node_uuid: '$NODE', volume_type: 'iscsi', volume_id: 'v', boot_index: 3 },
    properties: { auth_username: 'me', auth_password: 's3cret' },
  }),
  post('volume target: a boot index that is text', '/volume/targets', {
    ...{ node_uuid: '$NODE', volume_type: 'iscsi', volume_id: 'v', boot_index: '3' },
  }),
  post('volume connector: an unknown type', '/volume/connectors', { node_uuid: '$NODE', type: 'color', connector_id: 'red' }),
];
