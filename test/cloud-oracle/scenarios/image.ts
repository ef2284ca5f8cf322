/** Images: their fields, lists, data, members and states. */
import { noBodies } from '../odd-bodies.ts';
import { get, head, patch, post, put, remove, type Scenario, type Step } from '../scenario.ts';

const versions: Scenario = {
  name: 'image versions',
  service: 'image',
  steps: [
    get('of no token', '//versions', { as: null }),
    get('root', '//', { as: null }),
    get('an unknown path', '/nothing'),
    get('an unknown version', '//v9/images'),
    get('images without a token', '/images', { as: null }),
    get('images with a token that is none', '/images', { as: 'nothing' }),
  ],
};

const plain = { disk_format: 'raw', container_format: 'bare' };
const id = '11111111-2222-4333-8444-555555555555';
const long = (length: number) => 'x'.repeat(length);
const odd: Readonly<Record<string, readonly unknown[]>> = {
  name: [null, 5, '', [], long(255), long(256)],
  id: ['x', null, 5, 'ABCDEF01-2222-4333-8444-555555555555'],
  visibility: ['public', 'private', 'shared', 'community', 'secret', null, 5],
  protected: ['true', 1, null, false],
  os_hidden: [true, 'true', null],
  disk_format: [null, 'iso', 'odd', 5, ''],
  container_format: [null, 'docker', 'odd', 5],
  min_disk: [-1, 1, '1', 1.5, null, 2 ** 31],
  min_ram: [-1, 1, '1', null, 2 ** 31],
  tags: [[], ['a', 'a'], 'a', [5], [''], [long(255)], [long(256)], null],
  status: ['active'],
  checksum: ['x'],
  size: [5],
  owner: ['someone', null, 5],
  locations: [[], 'x', [{ url: 'http://127.0.0.1:1/x' }], [{ url: 'http://127.0.0.1:1/x', metadata: {} }]],
  schema: ['x'],
  created_at: ['2020-01-01T00:00:00Z'],
  direct_url: ['x'],
  colour: ['red', '', 5, null, [], {}, long(65_536)],
  os_hash_algo: ['md5'],
  'bad name\u0000': ['x'],
};

/** What is accepted is deleted at once. */
function oddImages(): Step[] {
  return Object.entries(odd).flatMap(([field, values]) =>
    values.flatMap((value, index) => {
      const text = JSON.stringify(value);
      const name = `${JSON.stringify(field)} ${text.length > 40 ? `of ${text.length} characters` : text}`;
      const kept = `odd${field.replace(/\W/g, '')}${index}`;
      return [
        post(name, '/images', { name: 'odd', ...plain, [field]: value }, { keeps: { [kept]: 'body.id' } }),
        remove(name, `/images/{${kept}}`),
      ];
    }),
  );
}

const patchType = 'application/openstack-images-v2.1-json-patch';
const patchOf = (operations: unknown, type = patchType) => ({
  raw: JSON.stringify(operations),
  headers: { 'content-type': type },
});
const change = (name: string, operations: unknown, type?: string): Step =>
  patch(name, '/images/{one}', undefined, patchOf(operations, type));

const fields: Scenario = {
  name: 'image fields',
  service: 'image',
  steps: [
    post('made', '/images', { name: 'one', ...plain, tags: ['b', 'a'], colour: 'red' }, { keeps: { one: 'body.id' } }),
    post('with an id', '/images', { id, name: 'two' }),
    post('with an id that is taken', '/images', { id }),
    post('with nothing', '/images', {}, { keeps: { bare: 'body.id' } }),
    ...noBodies('POST', '/images', 'image').filter(
      ({ name }) => !/an empty object|another|nothing in it|list in|text in|null/.test(name),
    ),
    ...oddImages(),
    get('shown', '/images/{one}'),
    get('missing', '/images/22222222-2222-4333-8444-555555555555'),
    get('with an id that is none', '/images/nothing'),
    head('shown', '/images/{one}'),
    get('schema of nothing', '/schemas/nothing'),
    change('replaced', [{ op: 'replace', path: '/name', value: 'first' }]),
    change('added', [{ op: 'add', path: '/shape', value: 'round' }]),
    change('added again', [{ op: 'add', path: '/shape', value: 'square' }]),
    change('replacing what is missing', [{ op: 'replace', path: '/nothing', value: 'x' }]),
    change('removed', [{ op: 'remove', path: '/shape' }]),
    change('removed again', [{ op: 'remove', path: '/shape' }]),
    change('removing a field of all', [{ op: 'remove', path: '/name' }]),
    change('of several', [
      { op: 'add', path: '/a', value: '1' },
      { op: 'replace', path: '/a', value: '2' },
      { op: 'remove', path: '/a' },
    ]),
    change('of none', []),
    change('no list', {}),
    change('a test', [{ op: 'test', path: '/name', value: 'first' }]),
    change('an unknown operation', [{ op: 'paint', path: '/name', value: 'x' }]),
    change('without a path', [{ op: 'replace', value: 'x' }]),
    change('without a value', [{ op: 'replace', path: '/name' }]),
    change('a path without a slash', [{ op: 'replace', path: 'name', value: 'x' }]),
    change('a path that is empty', [{ op: 'replace', path: '', value: 'x' }]),
    change('a path of two', [{ op: 'replace', path: '/a/b', value: 'x' }]),
    change('a path with a tilde', [{ op: 'add', path: '/a~1b', value: 'x' }]),
    change('a path with another tilde', [{ op: 'add', path: '/a~2b', value: 'x' }]),
    change('a value that is a number', [{ op: 'add', path: '/number', value: 5 }]),
    ...[
      'status',
      'checksum',
      'size',
      'id',
      'owner',
      'created_at',
      'schema',
      'file',
      'self',
      'virtual_size',
      'os_hash_value',
      'direct_url',
    ].map((name) => change(`${name} replaced`, [{ op: 'replace', path: `/${name}`, value: 'x' }])),
    change('tags', [{ op: 'replace', path: '/tags', value: ['c'] }]),
    change('tags that are doubled', [{ op: 'replace', path: '/tags', value: ['c', 'c'] }]),
    change('visibility', [{ op: 'replace', path: '/visibility', value: 'community' }]),
    change('visibility that is unknown', [{ op: 'replace', path: '/visibility', value: 'secret' }]),
    change('protected', [{ op: 'replace', path: '/protected', value: true }]),
    remove('what is protected', '/images/{one}'),
    change('no longer protected', [{ op: 'replace', path: '/protected', value: false }]),
    change('hidden', [{ op: 'replace', path: '/os_hidden', value: true }]),
    change('no longer hidden', [{ op: 'replace', path: '/os_hidden', value: false }]),
    change('disk format', [{ op: 'replace', path: '/disk_format', value: 'qcow2' }]),
    change('minimum', [{ op: 'replace', path: '/min_disk', value: -1 }]),
    change('locations', [{ op: 'replace', path: '/locations', value: [] }]),
    change('a location', [{ op: 'add', path: '/locations/-', value: { url: 'file:///etc/passwd', metadata: {} } }]),
    change('of JSON', [{ op: 'replace', path: '/name', value: 'x' }], 'application/json'),
    change('in the former form', [{ replace: '/name', value: 'second' }], 'application/openstack-images-v2.0-json-patch'),
    change('of RFC 6902', [{ op: 'replace', path: '/name', value: 'x' }], 'application/json-patch+json'),
    patch('missing', `/images/nothing`, undefined, patchOf([])),
    put('a tag', '/images/{one}/tags/new'),
    put('a tag again', '/images/{one}/tags/new'),
    put('a tag that is too long', `/images/{one}/tags/${long(256)}`),
    put('a tag of nothing', '/images/nothing/tags/new'),
    remove('a tag', '/images/{one}/tags/new'),
    remove('a tag again', '/images/{one}/tags/new'),
    remove('deleted', '/images/{one}'),
    remove('deleted again', '/images/{one}'),
    post('with the id of one that is deleted', '/images', { id: '{one}', name: 'again' }),
    remove('two', `/images/${id}`),
    remove('bare', '/images/{bare}'),
  ],
};

const names = ['alpha', 'beta', 'gamma'];
const queries = [
  ...[
    '',
    'sort_key=name&limit=1',
    'limit=0',
    'limit=-1',
    'limit=x',
    'sort_key=name',
    'sort_key=name&sort_dir=asc',
    'sort=name:asc',
    'sort=size,name:desc',
  ],
  ...[
    'sort_key=nothing',
    'sort_dir=sideways',
    'sort=name:sideways',
    'sort=name&sort_key=name',
    'sort_key=name&sort_dir=asc&sort_dir=desc',
  ],
  ...[
    'name=beta',
    'name=in:alpha,gamma',
    'name=in:"alpha"',
    'name=nothing',
    'status=queued',
    'status=in:queued,active',
    'status=odd',
  ],
  ...[
    'visibility=private',
    'visibility=all',
    'visibility=public',
    'visibility=community',
    'visibility=odd',
    'os_hidden=true',
    'os_hidden=x',
  ],
  ...['tag=a', 'tag=a&tag=b', 'tag=none', 'colour=red', 'colour=blue', 'protected=true', 'protected=false', 'protected=x'],
  ...[
    'size_min=1',
    'size_max=1',
    'size_min=x',
    'size_min=-1',
    'min_ram=0',
    'min_disk=x',
    'disk_format=raw',
    'disk_format=in:raw,iso',
  ],
  ...[
    'created_at=gt:2020-01-01T00:00:00Z',
    'created_at=lt:2020-01-01T00:00:00Z',
    'created_at=2020',
    'updated_at=xx:2020-01-01T00:00:00Z',
  ],
  ...[
    'owner={adminProject}',
    'owner=nobody',
    'marker={alpha}&sort=name:asc',
    'marker=nothing',
    'member_status=all',
    'member_status=odd',
  ],
  ...['id={alpha}', 'id=in:{alpha},{beta}', 'checksum=x', 'container_format=bare', 'limit=1&sort=name:asc'],
];

const lists: Scenario = {
  name: 'image lists',
  service: 'image',
  steps: [
    ...names.map((name, index) =>
      post(
        name,
        '/images',
        { name, ...plain, tags: ['a'], ...(index > 1 && { colour: 'red', protected: true }) },
        {
          keeps: { [name]: 'body.id' },
        },
      ),
    ),
    ...queries.map((query) => get(`by ${query}`, `/images?${query}`, { isOrdered: /name[:&]/.test(query) })),
    get('by a header', '/images', { headers: { 'x-image-meta-name': 'x' } }),
    patch('no longer protected', '/images/{gamma}', undefined, patchOf([{ op: 'replace', path: '/protected', value: false }])),
    ...names.map((name) => remove(name, `/images/{${name}}`)),
  ],
};

/** A disk has a sector at least. */
const words = 'hello world '.repeat(64);
const octets = 'application/octet-stream';
const upload = (name: string, path: string, raw: string, type = octets): Step =>
  put(name, path, undefined, { raw, headers: { 'content-type': type } });
const range = (value: string) => ({ headers: { range: value } });

const data: Scenario = {
  name: 'image data',
  service: 'image',
  steps: [
    post('made', '/images', { name: 'one', ...plain }, { keeps: { one: 'body.id' } }),
    get('before there are any', '/images/{one}/file'),
    upload('of another type', '/images/{one}/file', 'x', 'application/json'),
    upload('without a type', '/images/{one}/file', 'x', ''),
    upload('uploaded', '/images/{one}/file', words),
    get('active', '/images/{one}', { until: { at: 'body.status', is: 'active' } }),
    upload('uploaded again', '/images/{one}/file', words.toUpperCase()),
    get('downloaded', '/images/{one}/file'),
    head('downloaded', '/images/{one}/file'),
    get('of a range', '/images/{one}/file', range('bytes=0-4')),
    get('of an end', '/images/{one}/file', range('bytes=-5')),
    get('from a place', '/images/{one}/file', range('bytes=6-')),
    get('beyond the end', '/images/{one}/file', range('bytes=10000-')),
    get('longer than there is', '/images/{one}/file', range('bytes=6-10000')),
    get('of a range that is none', '/images/{one}/file', range('bytes=x')),
    get('of two ranges', '/images/{one}/file', range('bytes=0-1,3-4')),
    get('of another unit', '/images/{one}/file', range('lines=0-1')),
    get('by Content-Range', '/images/{one}/file', { headers: { 'content-range': 'bytes 0-4/768' } }),
    upload('of nothing', '/images/nothing/file', 'x'),
    get('of nothing', '/images/nothing/file'),
    patch(
      'its format once active',
      '/images/{one}',
      undefined,
      patchOf([{ op: 'replace', path: '/disk_format', value: 'qcow2' }]),
    ),
    post('deactivated', '/images/{one}/actions/deactivate', undefined),
    post('deactivated again', '/images/{one}/actions/deactivate', undefined),
    get('downloaded as administrator', '/images/{one}/file'),
    get('deactivated', '/images/{one}'),
    post('reactivated', '/images/{one}/actions/reactivate', undefined),
    post('reactivated again', '/images/{one}/actions/reactivate', undefined),
    post('an unknown action', '/images/{one}/actions/paint', undefined),
    post('an action of nothing', '/images/nothing/actions/deactivate', undefined),
    post('without formats', '/images', { name: 'two' }, { keeps: { two: 'body.id' } }),
    upload('without formats', '/images/{two}/file', 'x'),
    post('deactivated before it is active', '/images/{two}/actions/deactivate', undefined),
    get('locations', '/images/{one}/locations'),
    remove('deleted', '/images/{one}'),
    get('deleted', '/images/{one}/file'),
    remove('two', '/images/{two}'),
  ],
};

const importing = (name: string, path: string, method: unknown, more: object = {}): Step => post(name, path, { method, ...more });

const imports: Scenario = {
  name: 'image imports',
  service: 'image',
  steps: [
    get('what there is', '/info/import'),
    get('stores', '/info/stores'),
    get('stores in detail', '/info/stores/detail'),
    get('usage', '/info/usage'),
    post('made', '/images', { name: 'one', ...plain }, { keeps: { one: 'body.id' } }),
    importing('before it is staged', '/images/{one}/import', { name: 'glance-direct' }),
    importing('by an unknown method', '/images/{one}/import', { name: 'magic' }),
    importing('by no method', '/images/{one}/import', {}),
    importing('by a text', '/images/{one}/import', 'glance-direct'),
    importing('from no URL', '/images/{one}/import', { name: 'web-download' }),
    importing('from a URL that is none', '/images/{one}/import', { name: 'web-download', uri: 'x' }),
    importing('from a file', '/images/{one}/import', { name: 'web-download', uri: 'file:///etc/passwd' }),
    importing('from another protocol', '/images/{one}/import', { name: 'web-download', uri: 'ftp://127.0.0.1/x' }),
    importing('to a store that is unknown', '/images/{one}/import', { name: 'glance-direct' }, { stores: ['none'] }),
    importing('a copy before it is active', '/images/{one}/import', { name: 'copy-image' }, { stores: ['file'] }),
    post('with no body', '/images/{one}/import', undefined),
    post('with an empty body', '/images/{one}/import', {}),
    importing('of nothing', '/images/nothing/import', { name: 'glance-direct' }),
    upload('staged of another type', '/images/{one}/stage', 'x', 'text/plain'),
    upload('staged', '/images/{one}/stage', words),
    get('staged', '/images/{one}'),
    upload('staged again', '/images/{one}/stage', 'x'),
    upload('uploaded when staged', '/images/{one}/file', 'x'),
    importing('imported', '/images/{one}/import', { name: 'glance-direct' }),
    get('imported', '/images/{one}', { until: { at: 'body.os_glance_import_task', is: undefined } }),
    importing('imported again', '/images/{one}/import', { name: 'glance-direct' }),
    get('tasks of the image', '/images/{one}/tasks', { onlyNamed: true }),
    get('downloaded', '/images/{one}/file'),
    upload('staged when active', '/images/{one}/stage', 'x'),
    post('without formats', '/images', { name: 'two' }, { keeps: { two: 'body.id' } }),
    upload('staged without formats', '/images/{two}/stage', 'x'),
    importing('imported without formats', '/images/{two}/import', { name: 'glance-direct' }),
    upload('staged of nothing', '/images/nothing/stage', 'x'),
    remove('deleted', '/images/{one}'),
    remove('two', '/images/{two}'),
    get('tasks', '/tasks', { onlyNamed: true }),
    get('a task that is missing', '/tasks/nothing'),
    post('a task', '/tasks', { type: 'import', input: {} }),
    post('a task that is unknown', '/tasks', { type: 'magic', input: {} }),
    post('no task', '/tasks', {}),
    remove('a task', '/tasks/nothing'),
    remove('cached', '/cache/nothing'),
    get('cache', '/cache'),
  ],
};

const other = '0123456789abcdef0123456789abcdef';

const members: Scenario = {
  name: 'image members',
  service: 'image',
  steps: [
    post('made', '/images', { name: 'one', ...plain, visibility: 'shared' }, { keeps: { one: 'body.id' } }),
    post('private', '/images', { name: 'two', visibility: 'private' }, { keeps: { two: 'body.id' } }),
    get('none', '/images/{one}/members'),
    post('a member', '/images/{one}/members', { member: other }),
    post('a member again', '/images/{one}/members', { member: other }),
    post('the owner', '/images/{one}/members', { member: '{adminProject}' }),
    post('of what is private', '/images/{two}/members', { member: other }),
    post('of nothing', '/images/nothing/members', { member: other }),
    post('without a name', '/images/{one}/members', {}),
    post('with an empty name', '/images/{one}/members', { member: '' }),
    post('too long', '/images/{one}/members', { member: long(256) }),
    post('with no body', '/images/{one}/members', undefined),
    get('listed', '/images/{one}/members'),
    get('shown', `/images/{one}/members/${other}`),
    get('missing', '/images/{one}/members/nobody'),
    get('listed of what is private', '/images/{two}/members'),
    get('listed of nothing', '/images/nothing/members'),
    ...['accepted', 'rejected', 'pending', 'odd', 5, null].map((status) =>
      put(`${status}`, `/images/{one}/members/${other}`, { status }),
    ),
    put('no status', `/images/{one}/members/${other}`, {}),
    put('missing', '/images/{one}/members/nobody', { status: 'accepted' }),
    remove('a member', `/images/{one}/members/${other}`),
    remove('a member again', `/images/{one}/members/${other}`),
    remove('one', '/images/{one}'),
    remove('two', '/images/{two}'),
  ],
};

export const imageScenarios: readonly Scenario[] = [versions, fields, lists, data, imports, members];
