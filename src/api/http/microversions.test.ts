import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from '#domain/faults.ts';
import { microversionTable, type VersionedService } from '../versions.ts';
import { atLeast, formatVersion, negotiateMicroversion } from './microversions.ts';

async function negotiate(service: VersionedService, headers: Record<string, string>) {
  const request = { headers } as { headers: Record<string, string>; microversion?: { major: number; minor: number } };
  const replied: Record<string, string> = {};
  const reply = { header: (name: string, value: string) => (replied[name] = value) };
  await negotiateMicroversion(microversionTable[service])(request as never, reply as never);
  return { version: formatVersion(request.microversion!), replied };
}

const newest = formatVersion(microversionTable.compute.max);

test('accepts both headers, and prefers the common one', async () => {
  const cases: [VersionedService, Record<string, string>, string][] = [
    ['compute', {}, '2.1'],
    ['compute', { 'openstack-api-version': 'compute 2.60' }, '2.60'],
    ['compute', { 'x-openstack-nova-api-version': '2.7' }, '2.7'],
    ['compute', { 'openstack-api-version': 'compute 2.60', 'x-openstack-nova-api-version': '2.7' }, '2.60'],
    ['compute', { 'openstack-api-version': 'volume 3.1, compute latest' }, newest],
    ['compute', { 'openstack-api-version': 'volume 3.1' }, '2.1'],
    ['baremetal', { 'x-openstack-ironic-api-version': '1.31' }, '1.31'],
  ];
  for (const [service, headers, expected] of cases) assert.equal((await negotiate(service, headers)).version, expected);
});

test('the reply states the used version and the range', async () => {
  const compute = await negotiate('compute', { 'openstack-api-version': 'compute 2.60' });
  const baremetal = await negotiate('baremetal', { 'x-openstack-ironic-api-version': '1.31' });

  assert.equal(compute.replied['openstack-api-version'], 'compute 2.60');
  assert.equal(compute.replied['x-openstack-nova-api-version'], '2.60');
  assert.equal(baremetal.replied['x-openstack-ironic-api-version'], '1.31');
  assert.equal(baremetal.replied['x-openstack-ironic-api-minimum-version'], '1.1');
});

test('rejects a version outside the range with 406, and a malformed one with 400', async () => {
  const refused = async (headers: Record<string, string>) =>
    negotiate('compute', headers).then(
      () => undefined,
      (error: Fault) => error.status,
    );

  assert.equal(await refused({ 'openstack-api-version': 'compute 2.999' }), 406);
  assert.equal(await refused({ 'openstack-api-version': 'compute 3.1' }), 406);
  assert.equal(await refused({ 'openstack-api-version': 'compute two' }), 400);
});

test('atLeast compares minor versions as numbers', () => {
  assert.ok(atLeast({ major: 2, minor: 10 }, 9));
  assert.ok(!atLeast({ major: 2, minor: 9 }, 10));
});
