/** Segments of networks, and of their subnets. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = {}) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}

async function aNetwork(fields: object = {}): Promise<string> {
  return (await ask('POST', '/networks', { network: fields })).body.network.id;
}
const segmentsOf = async (network: string) => (await ask('GET', `/segments?network_id=${network}`)).body.segments;
const add = (network_id: string, fields: object) => ask('POST', '/segments', { segment: { network_id, ...fields } });
const onVlan = (physical_network: string, segmentation_id?: number) => ({
  network_type: 'vlan',
  physical_network,
  ...(segmentation_id !== undefined && { segmentation_id }),
});
const showsOf = (type: string, physical: string | null, id: number | null) => ({
  'provider:network_type': type,
  'provider:physical_network': physical,
  'provider:segmentation_id': id,
});
let made = 0;
const aSubnet = (network_id: string, fields: object) =>
  ask('POST', '/subnets', { subnet: { network_id, ip_version: 4, cidr: `10.61.${made++}.0/24`, ...fields } });

test('a network is made with its first segment, and shows all when there are several', async () => {
  const network = await aNetwork();
  const [first, ...others] = await segmentsOf(network);
  assert.deepEqual([first.name, first.network_type, first.physical_network, others], [null, 'flat', 'provisioning', []]);
  assert.ok(!('project_id' in first));

  const second = await add(network, { ...onVlan('rack'), name: 'second' });
  assert.deepEqual([second.status, second.body.segment.segmentation_id, second.body.segment.description], [201, 1, '']);
  const shown = (await ask('GET', `/networks/${network}`)).body.network;
  assert.deepEqual(shown.segments, [showsOf('flat', 'provisioning', null), showsOf('vlan', 'rack', 1)]);
  assert.ok(!('provider:network_type' in shown));
  assert.equal((await ask('PUT', `/networks/${network}`, { network: { 'provider:segmentation_id': 7 } })).type, 'InvalidInput');

  for (const { id } of await segmentsOf(network)) assert.equal((await ask('DELETE', `/segments/${id}`)).status, 204);
  const left = (await ask('GET', `/networks/${network}`)).body.network;
  assert.deepEqual(left['provider:network_type'], null);
  assert.equal((await ask('DELETE', `/networks/${network}`)).status, 204);
});

test('a segment has a name, a description and a revision', async () => {
  const network = await aNetwork();
  const { segment } = (await add(network, { ...onVlan('named', 9), name: 'one', description: 'row 1' })).body;
  const changed = (await ask('PUT', `/segments/${segment.id}`, { segment: { name: null, description: 'row 2' } })).body.segment;
  assert.deepEqual([changed.name, changed.description, changed.revision_number], [null, 'row 2', segment.revision_number + 1]);
  assert.equal((await ask('PUT', `/segments/${segment.id}`, { segment: { network_type: 'flat' } })).status, 400);
  const listed = (await ask('GET', '/segments?physical_network=named&segmentation_id=9&sort_key=name&fields=id')).body;
  assert.deepEqual(listed, { segments: [{ id: segment.id }] });
  assert.equal((await ask('GET', '/segments/none')).type, 'SegmentNotFound');
});

test('what a network or another segment has is refused', async () => {
  const network = await aNetwork();
  assert.equal((await add(network, onVlan('taken', 5))).status, 201);
  const refused = async (fields: object, id = network) => {
    const { status, type } = await add(id, fields);
    return [status, type];
  };
  assert.deepEqual(await refused(onVlan('taken', 6)), [409, 'NeutronDbObjectDuplicateEntry']);
  assert.deepEqual(await refused(onVlan('taken', 5), await aNetwork()), [409, 'VlanIdInUse']);
  assert.deepEqual(await refused(onVlan('other', 4095)), [400, 'InvalidInput']);
  assert.deepEqual(await refused({ network_type: 'token-ring' }), [400, 'InvalidInput']);
  assert.deepEqual(await refused(onVlan('other'), 'none'), [404, 'NetworkNotFound']);
});

test('a network is made with several segments', async () => {
  const segments = [showsOf('vlan', 'east', 11), showsOf('vlan', 'west', null)];
  const { network } = (await ask('POST', '/networks', { network: { segments } })).body;
  assert.deepEqual(network.segments, [showsOf('vlan', 'east', 11), showsOf('vlan', 'west', 1)]);
  const found = (await ask('GET', '/networks?provider:physical_network=west')).body.networks;
  assert.deepEqual(
    found.map(({ id }: { id: string }) => id),
    [network.id],
  );
  const typeOf = async (fields: object) => (await ask('POST', '/networks', { network: fields })).type;
  const both = { segments, 'provider:network_type': 'local' };
  assert.equal(await typeOf(both), 'SegmentsSetInConjunctionWithProviders');
  assert.equal(
    await typeOf({ segments: [showsOf('flat', 'a', null), showsOf('flat', 'a', null)] }),
    'SegmentsContainDuplicateEntry',
  );
  assert.equal(await typeOf({ segments: [{ 'provider:physical_network': 'a' }] }), 'InvalidInput');
  assert.equal((await ask('POST', '/networks', { network: { segments } }, member)).status, 403);
});

test('all subnets of a network are of a segment, or none', async () => {
  const network = await aNetwork();
  const [first] = await segmentsOf(network);
  const plain = (await aSubnet(network, {})).body.subnet;
  assert.equal(plain.segment_id, null);
  assert.equal((await aSubnet(network, { segment_id: first.id })).type, 'SubnetsNotAllAssociatedWithSegments');
  const put = (id: string, segment_id: string | null) => ask('PUT', `/subnets/${id}`, { subnet: { segment_id } });
  assert.equal((await put(plain.id, first.id)).body.subnet.segment_id, first.id);
  assert.equal((await ask('GET', `/networks/${network}`)).body.network.l2_adjacency, false);
  assert.equal((await put(plain.id, null)).type, 'SubnetSegmentAssociationChangeNotAllowed');
  assert.equal((await ask('DELETE', `/segments/${first.id}`)).type, 'SegmentInUse');

  const second = (await add(network, onVlan('rows'))).body.segment;
  assert.equal((await aSubnet(network, { segment_id: second.id })).status, 201);
  const listed = (await ask('GET', `/subnets?segment_id=${second.id}`)).body.subnets;
  assert.equal(listed.length, 1);
  const elsewhere = await aNetwork();
  assert.equal((await aSubnet(elsewhere, { segment_id: second.id })).type, 'NetworkIdsDontMatch');
  assert.equal((await aSubnet(elsewhere, { segment_id: 'none' })).type, 'SegmentNotFound');
  assert.equal((await ask('DELETE', `/networks/${network}`)).status, 204);
  assert.equal((await ask('GET', `/segments/${second.id}`)).status, 404);
});

test('an existing subnet gets no segment of a network with several', async () => {
  const network = await aNetwork();
  const [first] = await segmentsOf(network);
  const { subnet } = (await aSubnet(network, {})).body;
  await add(network, onVlan('more'));
  const { type } = await ask('PUT', `/subnets/${subnet.id}`, { subnet: { segment_id: first.id } });
  assert.equal(type, 'NoUpdateSubnetWhenMultipleSegmentsOnNetwork');
});

test('segments are for administrators', async () => {
  const network = own['networks'] ?? '';
  const [segment] = await segmentsOf(network);
  assert.equal((await ask('GET', `/segments/${segment.id}`, undefined, member)).status, 404);
  assert.deepEqual((await ask('GET', '/segments', undefined, member)).body, { segments: [] });
  assert.equal((await ask('POST', '/segments', { segment: { network_id: network, ...onVlan('x') } }, member)).status, 403);
  const { subnets } = (await ask('GET', '/subnets', undefined, member)).body;
  assert.ok(subnets.length > 0 && !('segment_id' in subnets[0]));
});
