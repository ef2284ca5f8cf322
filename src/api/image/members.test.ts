/** Shared images: who shares, sees, accepts and uses them. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member: guest, own, others } = await openTwoProjects();
after(() => fixture.close());
const victim = { 'x-auth-token': await fixture.logIn('victim', 'a long password', 'victim') };
const image = others['images'] ?? '';
const [me, them] = [own['projects'] ?? '', others['projects'] ?? ''];
const base = '/image/v2/images';
const members = `${base}/${image}/members`;

type Headers = Record<string, string>;
const add = (member: string, headers: Headers = victim) =>
  fixture.ask({ method: 'POST', url: members, headers, payload: { member } });
const answer = (member: string, status: string, headers: Headers = guest) =>
  fixture.ask({ method: 'PUT', url: `${members}/${member}`, headers, payload: { status } });
const drop = (member: string, headers: Headers = victim) =>
  fixture.ask({ method: 'DELETE', url: `${members}/${member}`, headers });
const idsOf = async (query: string, headers: Headers = guest): Promise<string[]> =>
  (await fixture.ask({ url: `${base}?${query}`, headers })).body.images.map(({ id }: { id: string }) => id);
const setVisibility = (value: string) =>
  fixture.ask({
    method: 'PATCH',
    url: `${base}/${image}`,
    headers: { ...victim, 'content-type': 'application/openstack-images-v2.1-json-patch' },
    payload: JSON.stringify([{ op: 'replace', path: '/visibility', value }]),
  });
const statusOf = async (headers: Headers = guest) => (await fixture.ask({ url: `${base}/${image}`, headers })).status;

async function deployed(): Promise<number> {
  const server = { name: 's', imageRef: image, flavorRef: 'f1', networks: [] };
  const reply = await fixture.ask({
    method: 'POST',
    url: '/compute/v2.1/servers',
    headers: guest,
    payload: { server },
  });
  await fixture.quiet();
  return reply.status;
}

test('an image is for its owner until it is shared', async () => {
  assert.deepEqual([await statusOf(), await statusOf(victim)], [404, 200]);
  assert.equal((await add(me, guest)).status, 404, 'a project cannot share with itself what it does not see');
  assert.equal(await deployed(), 400);
});

test('a member sees, lists and uses a shared image; lists show it when it has accepted', async () => {
  const added = await add(me);
  assert.equal(added.status, 200);
  const { created_at, updated_at, ...shown } = added.body;
  assert.deepEqual(shown, { image_id: image, member_id: me, status: 'pending', schema: '/v2/schemas/member' });
  assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(updated_at, created_at);

  assert.equal(await statusOf(), 200);
  const isListed = async (query: string) => (await idsOf(query)).includes(image);
  assert.deepEqual([await isListed(''), await isListed('member_status=pending')], [false, true]);
  assert.deepEqual([await isListed('member_status=all'), await isListed('member_status=rejected')], [true, false]);
  assert.equal((await answer(me, 'accepted')).body.status, 'accepted');
  assert.deepEqual([await isListed(''), await isListed('visibility=shared')], [true, true]);
  assert.deepEqual([await isListed('visibility=private'), await isListed('owner=nobody')], [false, false]);
  assert.equal((await answer(me, 'rejected')).body.status, 'rejected');
  assert.deepEqual([await isListed(''), await isListed('member_status=rejected')], [false, true]);
  assert.equal(await statusOf(), 200, 'Glance shows it all the same');
  assert.equal(await deployed(), 202);
});

test('only the member answers, only the owner adds and removes', async () => {
  assert.equal((await answer(me, 'accepted', victim)).status, 403);
  assert.equal((await answer(me, 'maybe')).status, 400);
  assert.equal((await answer('another', 'accepted')).status, 404);
  assert.equal((await add('another', guest)).status, 403);
  assert.equal((await drop(me, guest)).status, 403);
  const changed = await fixture.ask({
    method: 'PATCH',
    url: `${base}/${image}`,
    headers: { ...guest, 'content-type': 'application/openstack-images-v2.1-json-patch' },
    payload: JSON.stringify([{ op: 'replace', path: '/name', value: 'mine' }]),
  });
  assert.equal(changed.status, 403);
  assert.equal((await fixture.ask({ method: 'DELETE', url: `${base}/${image}`, headers: guest })).status, 403);
  const refused = await add(me);
  assert.equal(refused.status, 409);
  assert.equal(refused.body.error.message, `Member ${me} is duplicated for image ${image}`);
  for (const member of ['', 'x'.repeat(256), 7, null]) assert.equal((await add(member as string)).status, 400);
});

test('the owner lists all members, a member itself', async () => {
  await add('another');
  const list = async (headers: Headers) =>
    (await fixture.ask({ url: members, headers })).body.members.map(({ member_id }: { member_id: string }) => member_id);

  assert.deepEqual([await list(victim), await list(guest)], [[me, 'another'], [me]]);
  const show = async (id: string, headers: Headers) => (await fixture.ask({ url: `${members}/${id}`, headers })).status;
  assert.deepEqual([await show('another', victim), await show('another', guest)], [200, 404]);
  assert.deepEqual([await show(me, guest), await show(them, victim)], [200, 404]);
});

test('an image of another visibility has no members, who come back when it is shared again', async () => {
  for (const visibility of ['private', 'public', 'community']) {
    await fixture.store.images.update({ id: image }, { visibility: visibility as 'private' });
    const { status, body } = await add('third');
    assert.equal(status, 403, visibility);
    assert.match(body.error.message, /Only shared images have members/);
    assert.equal((await fixture.ask({ url: members, headers: victim })).status, 403);
    assert.equal((await fixture.ask({ url: `${members}/${me}`, headers: victim })).status, 404);
  }
  await setVisibility('private');
  assert.equal(await statusOf(), 404);
  await setVisibility('shared');
  assert.equal(await statusOf(), 200);
});

test('a revoked member does not find the image any more', async () => {
  assert.equal((await drop(me)).status, 204);
  assert.equal((await drop(me)).status, 404);
  assert.equal(await statusOf(), 404);
  assert.deepEqual(await idsOf('member_status=all&visibility=shared'), [own['images']]);
  assert.equal(await deployed(), 400);
});

test('an image has at most 128 members, also if they are added at the same time', async () => {
  const replies = await Promise.all(Array.from({ length: 140 }, (_, index) => add(`project-${index}`)));

  const statuses = replies.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 127, '`another` is one, too');
  const refused = replies.find(({ status }) => status === 413);
  assert.match(refused?.body.error.message, /Image member limit exceeded.*Attempted: 129, Maximum: 128/);
});

test('members are deleted with their image', async () => {
  await fixture.store.images.remove({ id: image });
  assert.deepEqual(await fixture.store.image_members.list(), []);
});
