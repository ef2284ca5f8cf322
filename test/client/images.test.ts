/** Referee test: the unmodified `openstack` client shares images, and uses those of others. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { openstack, openstackSession, withoutClient as skip } from './openstack.ts';

type Row = Record<string, unknown>;

let fixture: ApiFixture;
let env: NodeJS.ProcessEnv;
let eve: NodeJS.ProcessEnv;
let team: string;
let directory: string;
before(async () => {
  const log = pino({ level: 'silent' });
  fixture = await openApiFixture({
    images: (store, stateDir) => createImageFiles({ store, directory: join(stateDir, 'images'), log }),
  });
  ({ env } = await fixture.listen());
  directory = await mkdtemp(join(tmpdir(), 'ingot-client-'));
  const url = '/identity/v3';
  const made = async (plural: string, payload: object) =>
    Object.values((await fixture.ask({ method: 'POST', url: `${url}/${plural}`, payload })).body)[0] as { id: string };
  ({ id: team } = await made('projects', { project: { name: 'team' } }));
  const user = await made('users', { user: { name: 'eve', password: 'a long password' } });
  await fixture.ask({ method: 'PUT', url: `${url}/projects/${team}/users/${user.id}/roles/member` });
  eve = { ...env, OS_USERNAME: 'eve', OS_PASSWORD: 'a long password', OS_PROJECT_NAME: 'team' };
});
after(async () => {
  await fixture.close();
  await rm(directory, { recursive: true, force: true });
});

const session = (commands: readonly string[], environment = env) => openstackSession(environment, commands);
const names = (rows: readonly Row[] | undefined) => rows?.map((row) => row['Name']);

test('shares an image with a project, which accepts it', { skip }, async () => {
  const [file, saved] = [join(directory, 'data'), join(directory, 'saved')];
  await writeFile(file, 'a kernel');
  const create = `image create --disk-format aki --container-format aki --shared --file ${file} given -f json`;
  const owner = await session([create, `image add project given ${team} -f json`, 'image member list given -f json']);
  const [image, added, members] = owner.replies as [Row, Row, Row[]];
  const id = String(image['id']);

  assert.deepEqual([added['member_id'], added['status']], [team, 'pending'], owner.output);
  assert.deepEqual(
    members.map((row) => [row['Member ID'], row['Status']]),
    [[team, 'pending']],
  );
  const member = await session(
    [
      'image list -f json',
      'image list --shared --member-status pending -f json',
      `image set --accept ${id}`,
      'image list -f json',
      `image save --file ${saved} ${id}`,
      `image set --reject ${id}`,
      'image list -f json',
    ],
    eve,
  );
  const [before, pending, accepted, rejected] = member.replies as Row[][];
  assert.deepEqual([before, pending, accepted, rejected].map(names), [[], ['given'], ['given'], []], member.output);
  assert.equal(await readFile(saved, 'utf8'), 'a kernel');

  await openstack(env, ['image', 'remove', 'project', 'given', team]);
  await assert.rejects(openstack(eve, ['image', 'show', id]), /No Image found/);
});

test('deactivates, hides and tags an image', { skip }, async () => {
  const file = join(directory, 'data2');
  await writeFile(file, 'a kernel');
  const create = `image create --disk-format aki --container-format aki --public --tag one --file ${file} off -f json`;
  const { replies, output } = await session([
    create,
    'image set --hidden off',
    'image list --public -f json',
    'image list --public --hidden -f json',
    'image set --unhidden --deactivate off',
    'image show off -f json',
  ]);
  const [image, listed, hidden, shown] = replies as [Row, Row[], Row[], Row];

  assert.deepEqual([names(listed), names(hidden)], [[], ['off']], output);
  const { os_hidden } = shown['properties'] as Row;
  assert.deepEqual([image['tags'], shown['status'], os_hidden], [['one'], 'deactivated', false], output);
  const save = ['image', 'save', '--file', join(directory, 'not'), 'off'];
  await assert.rejects(openstack(eve, save), /Unable to download image/);
  await session(['image set --activate off', 'image set --unprotected off']);
  await openstack(eve, save);
  await openstack(env, ['image', 'delete', 'off']);
});

test('uploads a compressed disk, and saves what was in it', { skip }, async () => {
  const disk = Buffer.alloc(200_000, 7);
  const [file, saved] = [join(directory, 'disk.raw.xz'), join(directory, 'disk.raw')];
  await writeFile(file, execFileSync('xz', ['-c'], { input: disk }));
  const { replies, output } = await session([
    `image create --disk-format raw --container-format bare --file ${file} packed -f json`,
    'image show packed -f json',
    `image save --file ${saved} packed`,
  ]);
  assert.deepEqual([(replies[1] as Row)['size'], (replies[1] as Row)['status']], [disk.length, 'active'], output);
  assert.deepEqual(await readFile(saved), disk);
});
