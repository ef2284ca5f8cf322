import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { takeUpImages } from '#services/image/data.ts';
import { eraseImage } from '#services/image/delete.ts';
import { aFlavor, aNode, anImage, aServer } from '#test/a-task.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

const base = '/image/v2/images';
const settingImage = randomUUID();
let fixture: ApiFixture;
let member: { 'x-auth-token': string };
let project: string;

before(async () => {
  fixture = await openApiFixture({
    images: (store, stateDir) => createImageFiles({ store, directory: join(stateDir, 'images'), log: pino({ level: 'silent' }) }),
    settings: { 'deploy.kernel': settingImage },
  });
  ({ member, project } = await aMember('mallory'));
});
after(() => fixture.close());

async function aMember(name: string) {
  const made = async (plural: string, payload: object) =>
    Object.values((await fixture.ask({ method: 'POST', url: `/identity/v3/${plural}`, payload })).body)[0] as { id: string };
  const { id } = await made('projects', { project: { name } });
  const user = await made('users', { user: { name, password: 'secret' } });
  await fixture.ask({ method: 'PUT', url: `/identity/v3/projects/${id}/users/${user.id}/roles/member` });
  return { project: id, member: { 'x-auth-token': await fixture.logIn(name, 'secret', name) } };
}

const create = (fields: object, headers = {}) =>
  fixture.ask({ method: 'POST', url: base, payload: { disk_format: 'aki', container_format: 'aki', ...fields }, headers });
const remove = (id: string, { query = '', headers = {} } = {}) =>
  fixture.ask({ method: 'DELETE', url: `${base}/${id}${query}`, headers });
const upload = (id: string, headers = {}) =>
  fixture.ask({
    method: 'PUT',
    url: `${base}/${id}/file`,
    payload: Buffer.from('kernel'),
    headers: { 'content-type': 'application/octet-stream', ...headers },
  });

async function anUploaded(fields: object = {}, headers = {}): Promise<string> {
  const { body } = await create(fields, headers);
  assert.equal((await upload(body.id, headers)).status, 204);
  return body.id;
}

const specs = (extra_specs: object) =>
  fixture.ask({ method: 'POST', url: '/compute/v2.1/flavors/f1/os-extra_specs', payload: { extra_specs } });
const dropSpecs = () => fixture.store.flavors.update({ id: 'f1' }, { extra_specs: {} });

test('never reuses the id of a deleted image, also after a restart during the deletion', async () => {
  const id = await anUploaded();
  const half = await anUploaded();
  assert.equal((await remove(id)).status, 204);
  await fixture.store.images.update({ id: half }, { status: 'deleted' });
  await takeUpImages({ store: fixture.store, images: { remove: async () => {} } as never });

  for (const taken of [id, id.toUpperCase(), half]) {
    for (const headers of [member, {}]) {
      const { status, body } = await create({ id: taken, visibility: 'community' }, headers);
      assert.equal(status, 409, taken);
      assert.match(body.error.message, /already exists/);
    }
  }
});

test("rejects a member's new image with an id used in the settings or by another's image", async () => {
  const kernel = randomUUID();
  await create({ kernel_id: kernel });

  assert.equal((await create({ id: settingImage }, member)).status, 409);
  assert.equal((await create({ id: kernel }, member)).status, 409);
  assert.equal((await create({ id: randomUUID() }, member)).status, 201);
  assert.equal((await create({ id: kernel })).status, 201);
});

test('a flavor accepts only a deploy kernel whose data an administrator uploaded', async () => {
  await fixture.store.flavors.insert(aFlavor({ id: 'f1' }));
  const own = await anUploaded();
  const foreign = await anUploaded({ visibility: 'community' }, member);
  const queued = (await create({})).body.id;
  // Uploaded by a member, then taken over and published by an administrator.
  const published = await anUploaded({}, member);
  const patched = await fixture.ask({
    method: 'PATCH',
    url: `${base}/${published}`,
    payload: JSON.stringify([{ op: 'replace', path: '/visibility', value: 'public' }]),
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
  });
  assert.equal(patched.status, 200);

  for (const id of [foreign, published, queued, randomUUID(), '/etc/shadow']) {
    for (const key of ['baremetal:deploy_kernel_id', 'baremetal:deploy_ramdisk_id']) {
      const { status, body } = await specs({ [key]: id });
      assert.equal(status, 400, id);
      assert.match(body.badRequest.message, /deploy kernel or ramdisk|not active/);
    }
  }
  assert.equal((await specs({ 'baremetal:deploy_kernel_id': own })).status, 200);
  assert.equal((await fixture.ask({ url: `${base}/${own}` })).body.uploaded_by_admin, undefined);
  await dropSpecs();
});

test("an image used by a flavor, setting, node or image is deleted only with an administrator's force", async () => {
  const id = await anUploaded();
  await specs({ 'baremetal:deploy_kernel_id': id });
  await create({ id: settingImage });
  await fixture.store.nodes.insert(aNode({ driver_info: { deploy_ramdisk: `glance://${id}` } }));
  const partition = (await create({ kernel_id: id })).body.id;

  const refused = await remove(id);
  const setting = await remove(settingImage);
  const forced = await remove(id, { query: '?force=true' });

  assert.deepEqual([refused.status, setting.status], [409, 409]);
  assert.match(refused.body.error.message, /flavor .*, node .*, image .*force=true/);
  assert.ok(refused.body.error.message.includes(partition));
  assert.match(setting.body.error.message, /setting deploy\.kernel/);
  assert.equal(forced.status, 204);
  await dropSpecs();
});

test('an image of a server is kept: its owner sees only own servers, and cannot use force', async () => {
  const id = await anUploaded({ visibility: 'community' }, member);
  const own = aServer({ id: randomUUID(), image_id: id, project_id: project, vm_state: 'active' });
  const other = aServer({ id: randomUUID(), image_id: id, project_id: 'another', vm_state: 'building' });
  await fixture.store.servers.insert(own);
  await fixture.store.servers.insert(other);

  const refused = await remove(id, { headers: member });
  const forced = await remove(id, { headers: member, query: '?force=true' });
  const byAdmin = await remove(id, { query: '?force=true' });
  await fixture.store.servers.update({ id: other.id }, { vm_state: 'active' });
  await fixture.store.servers.update({ id: own.id }, { vm_state: 'deleted' });
  const free = await remove(id, { headers: member });

  assert.equal(refused.status, 409);
  assert.ok(refused.body.error.message.includes(own.id));
  assert.ok(!refused.body.error.message.includes(other.id));
  assert.match(refused.body.error.message, /what others have/);
  assert.equal(forced.status, 403);
  assert.equal(byAdmin.status, 409, 'a machine is being installed with it');
  assert.equal(free.status, 204, 'a server of another project does not keep it');
});

test('deleting twice leaves one mark', async () => {
  const image = await fixture.store.images.insert(anImage({ id: randomUUID() }));
  const parts = { store: fixture.store, images: { remove: async () => {} } as never };
  await eraseImage(parts, image.id);
  await eraseImage(parts, image.id);

  assert.equal((await fixture.store.deleted_images.list({ id: image.id })).length, 1);
});
