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

  assert.deepEqual(comparison.findings(), nothingFound);
});
