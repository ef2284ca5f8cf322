/** `/v1/portgroups`, and the ports of a port group. They are removed with the row's node. */
import type { JsonObject } from '#domain/json.ts';
import { own } from '../fixture.ts';
import { type Ask, type Given, get, post, type Row, remove } from '../row.ts';

type Options = Parameters<typeof post>[3];
const group = 'eeeeeeee-0000-4000-8000-000000000001';
const made = (fields: JsonObject = {}): Ask => ({
  ...{ method: 'POST', path: '/portgroups' },
  body: { node_uuid: '$NODE', uuid: group, name: 'bond0', address: '52:54:00:00:00:0a', ...fields },
});
const joined: Ask = {
  ...{ method: 'POST', path: '/ports' },
  body: { node_uuid: '$NODE', address: '52:54:00:00:00:0b', portgroup_uuid: group },
};
const withGroup: { given: Given } = { given: { done: [made()] } };
const withMember: { given: Given } = { given: { done: [made(), joined] } };

const create = (name: string, fields: JsonObject, options: Options = {}): Row =>
  post(`port group: ${name}`, '/portgroups', { node_uuid: '$NODE', uuid: own, ...fields }, options);
const patch = (name: string, body: unknown, options: Partial<Row> = {}): Row => ({
  name: `port group patch: ${name}`,
  ask: { method: 'PATCH', path: `/portgroups/${group}`, body },
  ...withGroup,
  ...options,
});
const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }];
const port = (name: string, fields: JsonObject, done: readonly Ask[] = [made()]): Row =>
  post(
    `port group member: ${name}`,
    '/ports',
    { node_uuid: '$NODE', uuid: own, address: '52:54:00:00:00:0c', portgroup_uuid: group, ...fields },
    { given: { done } },
  );

export const portGroupRows: readonly Row[] = [
  create('plain', {}),
  create('with all fields', {
    ...{ name: 'bond0', address: 'AA:BB:CC:00:00:01', mode: '802.3ad', properties: { miimon: 100 }, extra: { a: [1] } },
    ...{ standalone_ports_supported: false, physical_network: 'east', category: 'fast' },
  }),
  create('with nulls', { name: null, address: null, mode: null, category: null, physical_network: null }),
  create('with bags that are null', { properties: null, extra: null }),
  create('an address that is none', { address: 'x' }),
  create('an address that is taken', { address: '52:54:00:00:00:0a' }, withGroup),
  create('a name that is taken', { name: 'bond0' }, withGroup),
  create('a UUID that is taken', { uuid: group }, withGroup),
  create('a UUID that is none', { uuid: 'x' }),
  create('an odd name', { name: 'a b' }),
  create('a name like a UUID', { name: own }),
  create('an empty name', { name: '' }),
  create('an unknown node', { node_uuid: own }),
  create('an unknown field', { color: 'red' }),
  create('an unknown mode', { mode: 'fastest' }),
  create('a mode that is a number', { mode: 4 }),
  create('a flag as text', { standalone_ports_supported: 'no' }),
  create('a flag as nonsense', { standalone_ports_supported: 'perhaps' }),
  create('too long a category', { category: 'x'.repeat(81) }),
  create('too long a physical network', { physical_network: 'x'.repeat(65) }),
  create('properties that are text', { properties: 'x' }),
  create('internal_info', { internal_info: {} }),
  create('at 1.25', {}, { version: '1.25' }),
  create('a mode at 1.25', { mode: '802.3ad' }, { version: '1.25' }),
  get('port group: shown', `/portgroups/${group}`, withGroup),
  get('port group: shown by name', '/portgroups/bond0', withGroup),
  get('port group: fields', `/portgroups/${group}?fields=mode`, withGroup),
  get('port group: unknown fields', `/portgroups/${group}?fields=color`, withGroup),
  get('port group: fields of a later version', `/portgroups/${group}?fields=mode`, { ...withGroup, version: '1.25' }),
  get('port group: shown at 1.102', `/portgroups/${group}`, { ...withGroup, version: '1.102' }),
  get('port group: unknown', `/portgroups/${own}`),
  get('port group: its ports', `/portgroups/${group}/ports`, withGroup),
  get('port group: the ports of an unknown one', `/portgroups/${own}/ports`),
  get('port groups: all', '/portgroups', withGroup),
  get('port groups: in detail', '/portgroups/detail', withGroup),
  get('port groups: detail as a query', '/portgroups?detail=True', withGroup),
  get('port groups: detail with fields', '/portgroups?detail=True&fields=uuid', withGroup),
  get('port groups: below a node', '/nodes/$NODE/portgroups', withGroup),
  get('port groups: below a node in detail', '/nodes/$NODE/portgroups/detail', withGroup),
  get('port groups: by node', '/portgroups?node=n1', withGroup),
  get('port groups: by an unknown node', '/portgroups?node=n7', withGroup),
  get('port groups: by address', '/portgroups?address=52:54:00:00:00:0a', withGroup),
  get('port groups: by an address that is none', '/portgroups?address=x', withGroup),
  get('port groups: by node and address', '/portgroups?node=n1&address=52:54:00:00:00:0a', withGroup),
  get('port groups: by shard', '/portgroups?shard=one', withGroup),
  get('port groups: an unknown sort key', '/portgroups?sort_key=color', withGroup),
  get('port groups: sorted by a bag', '/portgroups?sort_key=properties', withGroup),
  get('port groups: sorted by a later field', '/portgroups?sort_key=mode', { ...withGroup, version: '1.25' }),
  get('port groups: a marker that does not exist', `/portgroups?marker=${own}`, withGroup),
  get('port groups: an unknown query', '/portgroups?color=red', withGroup),
  patch('mode', replace('/mode', 'balance-rr')),
  patch('remove the mode', [{ op: 'remove', path: '/mode' }]),
  patch('name', replace('/name', 'bond1')),
  patch('an odd name', replace('/name', 'a b')),
  patch('remove the name', [{ op: 'remove', path: '/name' }]),
  patch('address', replace('/address', 'AA:BB:CC:00:00:03')),
  patch('remove the address', [{ op: 'remove', path: '/address' }]),
  patch('a property', [{ op: 'add', path: '/properties/miimon', value: 100 }]),
  patch('remove the properties', [{ op: 'remove', path: '/properties' }]),
  patch('a flag as text', replace('/standalone_ports_supported', 'False')),
  patch('a flag that bootable members forbid', replace('/standalone_ports_supported', false), withMember),
  patch('the UUID', replace('/uuid', own)),
  patch('an unknown field', [{ op: 'add', path: '/color', value: 'red' }]),
  patch('a node that does not exist', replace('/node_uuid', own)),
  patch('remove the node', [{ op: 'remove', path: '/node_uuid' }]),
  patch('another node with members', replace('/node_uuid', '$OTHER'), { given: { other: {}, done: [made(), joined] } }),
  patch('a category at 1.102', replace('/category', 'x'), {
    ask: { ...patch('', replace('/category', 'x')).ask, version: '1.102' },
  }),
  patch('of an available node', replace('/mode', '802.3ad'), { given: { state: 'available', done: [made()] } }),
  port('joins', {}),
  port('of another node', { node_uuid: '$OTHER' }, [
    made(),
    { method: 'POST', path: '/nodes', body: { driver: 'fake-hardware', uuid: '$OTHER', name: 'n2' } },
  ]),
  port('boots where none may', { pxe_enabled: true }, [made({ standalone_ports_supported: false })]),
  port('does not boot where none may', { pxe_enabled: false }, [made({ standalone_ports_supported: false })]),
  port('on another physical network', { physical_network: 'west' }, [made({ physical_network: 'east' })]),
  port('on the same physical network', { physical_network: 'east' }, [made({ physical_network: 'east' })]),
  {
    name: 'port group member: joins by a patch',
    given: { port: {}, done: [made()] },
    ask: { method: 'PATCH', path: '/ports/$PORT', body: replace('/portgroup_uuid', group) },
  },
  {
    name: 'port group member: joins by a patch on an available node',
    given: { state: 'available', port: {}, done: [made()] },
    ask: { method: 'PATCH', path: '/ports/$PORT', body: replace('/portgroup_uuid', group) },
  },
  {
    name: 'port group member: leaves by a patch',
    given: { done: [made()], port: {} },
    ask: { method: 'PATCH', path: '/ports/$PORT', body: [{ op: 'remove', path: '/portgroup_uuid' }] },
  },
  {
    name: 'port group member: a physical network of its own',
    given: { done: [made(), { ...joined, body: { ...(joined.body as object), uuid: own } }] },
    ask: { method: 'PATCH', path: `/ports/${own}`, body: replace('/physical_network', 'west') },
  },
  post('port: a physical network', '/ports', { node_uuid: '$NODE', address: '52:54:00:00:00:0d', physical_network: 'east' }),
  post('port: an empty physical network', '/ports', { node_uuid: '$NODE', address: '52:54:00:00:00:0d', physical_network: '' }),
  remove('port group: deleted', `/portgroups/${group}`, withGroup),
  remove('port group: deleted by name', '/portgroups/bond0', withGroup),
  remove('port group: deleted with members', `/portgroups/${group}`, withMember),
  remove('port group: an unknown one deleted', `/portgroups/${own}`),
];
