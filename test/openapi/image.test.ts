import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingFound, openComparison } from './comparison.ts';
import { isAbsent } from './document.ts';
import { sender } from './scenario.ts';

const skip = isAbsent('image') ?? false;

test("image: every reply matches Glance's document", { skip }, async (t) => {
  const comparison = await openComparison(t, 'image');
  const headers = { 'content-type': 'application/json' };
  const send = sender(comparison.fixture, comparison.check, { prefix: '/image/v2', headers });
  const patches = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
  const patch = sender(comparison.fixture, comparison.check, { prefix: '/image/v2', headers: patches });

  for (const name of ['image', 'images', 'member', 'members', 'task', 'tasks']) await send('GET', `/schemas/${name}`);
  for (const path of ['import', 'stores', 'stores/detail', 'usage']) await send('GET', `/info/${path}`);
  const fields = { name: 'i', disk_format: 'raw', container_format: 'bare', tags: ['t'] };
  const { id } = await send('POST', '/images', fields);
  await send('GET', '/images');
  await send('GET', `/images/${id}`);
  await send('GET', `/images/${id}/members`);
  await send('POST', `/images/${id}/members`, { member: 'p' });
  await send('GET', `/images/${id}/members/p`);
  await send('PUT', `/images/${id}/members/p`, { status: 'accepted' });
  await send('GET', `/images/${id}/members`);
  await send('DELETE', `/images/${id}/members/p`);
  await comparison.fixture.store.images.update({ id }, { status: 'active', size: 1 });
  for (const action of ['deactivate', 'reactivate']) await send('POST', `/images/${id}/actions/${action}`);
  await comparison.fixture.store.images.update({ id }, { status: 'uploading', size: 1, import_task: null });
  await send('POST', `/images/${id}/import`, { method: { name: 'glance-direct' } });
  await comparison.fixture.imports.idle();
  const { tasks } = await send('GET', '/tasks');
  await send('GET', `/tasks/${tasks[0].id}`);
  await send('GET', `/images/${id}/tasks`);
  await patch('PATCH', `/images/${id}`, [{ op: 'replace', path: '/name', value: 'other' }]);
  await send('DELETE', `/images/${id}`);
  await sendMetadefs(send);

  assert.deepEqual(comparison.findings(), nothingFound);
});

type Send = ReturnType<typeof sender>;

async function sendMetadefs(send: Send): Promise<void> {
  const kinds = ['namespace', 'object', 'property', 'resource_type', 'tag'];
  const plural = (name: string) => (name === 'property' ? 'properties' : `${name}s`);
  for (const name of kinds.flatMap((kind) => [kind, plural(kind)])) await send('GET', `/schemas/metadefs/${name}`);
  const bounds = { minimum: 1, maximum: 2, minLength: 1, maxLength: 2, minItems: 1, maxItems: 2 };
  const flags = { readonly: true, uniqueItems: true, additionalItems: true };
  const texts = { name: 'p', title: 'P', type: 'array', description: 'd', default: 'a', pattern: 'a' };
  const property = { ...texts, ...bounds, ...flags, enum: ['a'], operators: ['<in>'], items: { type: 'string', enum: ['a'] } };
  const object = { name: 'o', description: 'd', required: ['p'], properties: { p: property } };
  const resourceType = { name: 'OS::Glance::Image', prefix: 'hw_', properties_target: 'image' };
  const names = { namespace: 'n', display_name: 'N', description: 'd', visibility: 'public', protected: false };
  const base = '/metadefs/namespaces';
  await send('POST', base, {
    ...names,
    ...{ properties: { p: property }, objects: [object], tags: [{ name: 't' }], resource_type_associations: [resourceType] },
  });
  await send('GET', base);
  await send('GET', `${base}/n`);
  await send('PUT', `${base}/n`, names);
  await send('GET', '/metadefs/resource_types');
  await send('POST', `${base}/n/resource_types`, { ...resourceType, name: 'OS::Nova::Flavor' });
  await send('GET', `${base}/n/resource_types`);
  await send('DELETE', `${base}/n/resource_types/OS::Nova::Flavor`);
  for (const [path, body] of [
    ['objects', object],
    ['properties', property],
  ] as const) {
    await send('POST', `${base}/n/${path}`, { ...body, name: 'second' });
    await send('GET', `${base}/n/${path}`);
    await send('GET', `${base}/n/${path}/second`);
    await send('PUT', `${base}/n/${path}/second`, { ...body, name: 'third' });
    await send('DELETE', `${base}/n/${path}/third`);
    await send('DELETE', `${base}/n/${path}`);
  }
  await send('POST', `${base}/n/tags`, { tags: [{ name: 'a' }] });
  await send('POST', `${base}/n/tags/b`);
  await send('GET', `${base}/n/tags`);
  await send('GET', `${base}/n/tags/b`);
  await send('PUT', `${base}/n/tags/b`, { name: 'c' });
  await send('DELETE', `${base}/n/tags/c`);
  await send('DELETE', `${base}/n/tags`);
  await send('DELETE', `${base}/n`);
}
