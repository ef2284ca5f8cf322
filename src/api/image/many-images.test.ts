import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member: headers, own } = await openTwoProjects();
after(() => fixture.close());
const url = '/image/v2/images';

test('limits a project to a thousand images, sequentially and concurrently', async () => {
  const row = await fixture.store.images.find({ id: own['images'] ?? '' });
  for (let index = 1; index < 998; index++) await fixture.store.images.insert({ ...row, id: `image-${index}` });
  const create = () => fixture.ask({ method: 'POST', url, headers, payload: { name: 'one more' } });

  const together = await Promise.all([create(), create(), create(), create()]);
  const refused = await create();
  const other = await fixture.ask({ method: 'POST', url, payload: { owner: row?.owner } });
  // An image being deleted still has its row.
  await fixture.store.images.update({ id: ['image-1', 'image-2'] }, { status: 'deleted' });
  const again = await create();

  assert.deepEqual(together.map(({ status }) => status).sort(), [201, 201, 413, 413]);
  assert.equal(refused.status, 413);
  assert.match(refused.body.error.message, /image_count_total is over limit of 1000 due to current usage 1000 and delta 1/);
  assert.equal(other.status, 201);
  assert.equal(again.status, 201);
});
