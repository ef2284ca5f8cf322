import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { aQcow2, aVmdk, aVmdkOfAnotherFile } from '#test/attack-images.ts';
import { type Limits, limitTable, runConfined } from './confined.ts';
import { convertImage, imageInfo } from './qemu-img.ts';
import { confinements } from './settings.ts';

const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
const mark = 'TOKEN-KEY-OF-THE-CLOUD';
let folder: string;
let secret: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-confined-'));
  secret = join(folder, 'token-key');
  await writeFile(secret, mark.padEnd(512, '.'));
  // World-readable: the confinement protects it, not its mode.
  await chmod(folder, 0o755);
  await chmod(secret, 0o644);
});
after(() => rm(folder, { recursive: true, force: true }));

const shell = (script: string, limits: Partial<Limits> = {}, fileBytes?: number) =>
  runConfined('sh', {
    files: {},
    args: () => ['-c', script],
    limits: { ...limitTable.inspect, ...limits },
    ...(fileBytes !== undefined && { fileBytes }),
  });

async function emptyFile(name: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, '');
  return path;
}

/** Another user can run this file's code only if the folders above it are accessible. */
function whyNotAsAnother(): string | false {
  if (process.getuid?.() !== 0) return 'it is not root';
  const { status } = spawnSync('setpriv', [...asNobody, 'test', '-r', import.meta.filename, '-a', '-x', process.execPath]);
  return status !== 0 && 'no other user can read the project';
}

const attacks = [
  { format: 'vmdk', what: 'a flat extent elsewhere', image: () => aVmdkOfAnotherFile(secret) },
  {
    format: 'vmdk',
    what: 'a second extent elsewhere',
    image: () => aVmdk({ descriptor: ['createType="twoGbMaxExtentFlat"', `RW 1 FLAT "${secret}" 0`, `RW 1 FLAT "${secret}" 0`] }),
  },
  { format: 'qcow2', what: 'a backing file', image: () => aQcow2(512n, { backing: secret }) },
  {
    format: 'qcow2',
    what: 'a backing file by options',
    image: () => aQcow2(512n, { backing: `json:{"driver":"raw","file":{"driver":"file","filename":"${secret}"}}` }),
  },
];
for (const { format, what, image } of attacks) {
  test(`qemu-img reads the secret through ${format} with ${what}, but not when sandboxed`, async () => {
    const source = join(folder, 'attack');
    await writeFile(source, image());

    execFileSync('qemu-img', ['convert', '-f', format, '-O', 'raw', source, join(folder, 'stolen')], { stdio: 'pipe' });
    const target = await emptyFile('target');
    const confined = convertImage({ source: { path: source, format }, target, virtualSize: 1024 * 1024 });

    assert.match(await readFile(join(folder, 'stolen'), 'latin1'), new RegExp(mark), 'the attack is a real one');
    await assert.rejects(confined, { code: 'toolFailed', message: /No such file|Could not open/ });
    assert.doesNotMatch(await readFile(target, 'latin1'), new RegExp(mark));
  });
}

test('a sandboxed program sees only its own files, none of them writable', async () => {
  const file = join(folder, 'own');
  await writeFile(file, 'mine');
  const script = `cat "$1"; ls -A / /in; cat ${secret}; for to in / /in /dev /usr /tmp; do echo x >$to/new; done; true`;
  const said = await runConfined('sh', {
    files: { own: { path: file } },
    args: ({ own }) => ['-c', `exec 2>&1; ${script}; echo x >"$1"; true`, 'sh', own],
    limits: limitTable.inspect,
    fileBytes: 1000,
  });

  assert.match(said, /^mine/);
  assert.doesNotMatch(said, new RegExp(mark));
  assert.deepEqual(
    said.split('\n').filter((line) => ['proc', 'sys', 'home', 'root', 'tmp', 'var', 'run'].includes(line)),
    [],
  );
  assert.equal(said.match(/cannot create/g)?.length, 6, said);
  assert.equal(await readFile(file, 'utf8'), 'mine');
});

test('drops all privileges: root, groups, and ways to regain them', async () => {
  const said = await shell('id -u; id -G; setpriv --dump | grep no_new_privs; setpriv --reuid=0 true 2>&1 || echo stays');
  const [user, groups, noNew, ...rest] = said.trim().split('\n');
  assert.notEqual(Number(user), 0);
  assert.equal(groups, user);
  assert.equal(noNew, 'no_new_privs: 1');
  assert.equal(rest.at(-1), 'stays');
});

test('has no network unless the run needs one', async (t) => {
  let visits = 0;
  const server = createServer((socket) => {
    visits += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const image = join(folder, 'nbd.qcow2');
  await writeFile(image, aQcow2(512n, { backing: `nbd://127.0.0.1:${port}/x` }));
  const convert = { source: { path: image, format: 'qcow2' }, target: await emptyFile('nbd.raw'), virtualSize: 512 };
  const visit = (network: boolean) =>
    runConfined('qemu-img', {
      files: {},
      args: () => ['info', `nbd://127.0.0.1:${port}/x`],
      limits: limitTable.inspect,
      network,
    });

  await assert.rejects(convertImage(convert), { code: 'toolFailed' });
  await assert.rejects(visit(false), { code: 'toolFailed' });
  assert.equal(visits, 0);
  await assert.rejects(visit(true), { code: 'toolFailed' });
  assert.ok(visits > 0);
});

test('limits the output of an image that unpacks to more than it declares', async () => {
  const mib = 1024 * 1024;
  const source = join(folder, 'bomb.qcow2');
  execFileSync('sh', ['-c', 'head -c 16M /dev/urandom >"$1.raw"; qemu-img convert -O qcow2 "$1.raw" "$1"', 'sh', source]);
  const target = await emptyFile('bomb.raw');

  const conversion = convertImage({ source: { path: source, format: 'qcow2' }, target, virtualSize: 8 * mib });

  await assert.rejects(conversion, { code: 'toolFailed' });
  assert.ok((await stat(target)).size <= 8 * mib);
});

test('stops output before the disk is full', async () => {
  const source = join(folder, 'plain.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', source, '1M']);
  const target = await emptyFile('plain.raw');
  const space = { folder, reserve: Number.MAX_SAFE_INTEGER };

  const conversion = convertImage({ source: { path: source, format: 'qcow2' }, target, virtualSize: 1e6, space });

  await assert.rejects(conversion, { code: 'noSpace', status: 507 });
});

test('limits memory, processor time and time', async () => {
  await assert.rejects(shell('a=x; while :; do a=$a$a; done', { memoryMiB: 64 }), { code: 'toolFailed' });
  await assert.rejects(shell('while :; do :; done', { cpuSeconds: 1 }), { code: 'toolFailed' });
  await assert.rejects(shell('sleep 60', { seconds: 0.3 }), { code: 'toolFailed', message: /did not finish within 0.3 s/ });
});

test('a program ends when its parent is killed', async () => {
  const script = `import { limitTable, runConfined } from '#tools/confined.ts';
    const args = () => ['-c', 'echo started; exec sleep 61.${process.pid}'];
    await runConfined('sh', { files: {}, args, limits: limitTable.write, onOutput: (text) => process.stdout.write(text) });`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script]);
  parent.stderr.resume();
  await once(parent.stdout, 'data');
  const running = () => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(`\nsleep 61.${process.pid}`);
  assert.ok(running());

  parent.kill('SIGKILL');
  await once(parent, 'exit');

  while (running()) await new Promise((resolve) => setImmediate(resolve));
});

test('an abort throws its reason', async () => {
  const controller = new AbortController();
  const run = runConfined('sh', {
    files: {},
    args: () => ['-c', 'echo started; sleep 60'],
    limits: limitTable.inspect,
    signal: controller.signal,
    onOutput: () => controller.abort(new Error('enough')),
  });
  await assert.rejects(run, /enough/);
});

test('runs nothing without bubblewrap unless so configured', async (t) => {
  const path = process.env['PATH'];
  t.after(() => {
    process.env['PATH'] = path;
  });
  const run = { files: {}, args: () => ['-c', 'echo ran'], limits: limitTable.inspect };
  const image = join(folder, 'any.qcow2');
  await writeFile(image, aQcow2(512n));
  const tools = join(folder, 'tools');
  execFileSync('sh', [
    '-c',
    'mkdir "$1"; for one in setpriv prlimit sh; do ln -s "$(command -v $one)" "$1/$one"; done',
    'sh',
    tools,
  ]);
  process.env['PATH'] = tools;

  await assert.rejects(runConfined('sh', run), { code: 'notConfined', message: /sh was not run.*bwrap is not installed/ });
  await assert.rejects(imageInfo({ path: image, format: 'qcow2' }), { code: 'notConfined' });
  assert.equal(await runConfined('sh', run, 'none'), 'ran\n');
  assert.deepEqual([...confinements], ['bwrap', 'none']);
});

test('sandboxes without root as well', { skip: whyNotAsAnother() }, async () => {
  const image = join(folder, 'theirs.vmdk');
  await writeFile(image, aVmdkOfAnotherFile(secret), { mode: 0o644 });
  const plain = join(folder, 'theirs.qcow2');
  await writeFile(plain, aQcow2(512n), { mode: 0o600 });
  await chown(plain, 65_534, 65_534);
  const script = `import { imageInfo } from '#tools/qemu-img.ts';
    console.log(JSON.stringify(await imageInfo({ path: process.argv[2], format: process.argv[1] }).catch(({ code }) => code)));`;
  const inspect = (...args: string[]) =>
    execFileSync(
      'setpriv',
      [
        ...[...asNobody, '--inh-caps=+net_bind_service', '--ambient-caps=+net_bind_service'],
        ...['--', process.execPath, '--input-type=module', '-e', script, ...args],
      ],
      { encoding: 'utf8' },
    );

  assert.equal(JSON.parse(inspect('qcow2', plain))['virtual-size'], 512);
  assert.equal(JSON.parse(inspect('vmdk', image)), 'toolFailed');
});
