import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { anSshHost, password, type SshHost, withoutSshd } from '#test/an-ssh-host.ts';
import type { SshTimes } from './ssh-connection.ts';
import { SshError } from './ssh-error.ts';
import { fingerprintOf, type SshTarget } from './ssh-files.ts';
import { SshPool } from './ssh-pool.ts';

async function aFixture(t: TestContext, times: Partial<SshTimes> = {}) {
  const host = await anSshHost();
  const directory = mkdtempSync(join(tmpdir(), 'ssh-test-'));
  const pool = new SshPool(directory, times);
  t.after(async () => {
    await pool.close();
    assert.deepEqual(readdirSync(directory), []);
    rmSync(directory, { recursive: true });
    await host.remove();
  });
  return { host, pool, directory, target: targetOf(host) };
}

const targetOf = ({ port, user, keyFile, hostKey }: SshHost): SshTarget => ({
  host: '127.0.0.1',
  port,
  user,
  key: { file: keyFile },
  hostKeys: [hostKey],
});

const failureOf = async (work: Promise<unknown>): Promise<SshError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SshError, String(error));
  return error;
};

test('runs a command and returns its status, output and errors', { skip: withoutSshd }, async (t) => {
  const { pool, target } = await aFixture(t);
  const answer = await pool.run(target, "printf '%s\\n' \"it's\" done; echo sorry >&2; exit 3");
  assert.deepEqual(answer, { status: 3, output: "it's\ndone\n", errors: 'sorry\n' });
});

test('shares one connection among many commands at once', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t);
  const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => pool.run(target, `echo ${index}`)));
  assert.deepEqual(
    answers.map(({ output }) => Number(output)),
    Array.from({ length: 30 }, (_, index) => index),
  );
  assert.equal(host.logins(), 1);
});

test('keeps no secret on disk once connected', { skip: withoutSshd }, async (t) => {
  const { pool, target, directory, host } = await aFixture(t);
  const contents = readFileSync(host.keyFile, 'utf8').trimEnd();
  await pool.run({ ...target, key: { contents }, password: 'unused' }, 'true');
  const [folder = ''] = readdirSync(directory);
  assert.deepEqual(readdirSync(join(directory, folder)).sort(), ['known_hosts', 's']);
});

test('logs in by password, which is no process argument', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t);
  const { key: _, ...withoutKey } = target;
  const answer = await pool.run({ ...withoutKey, password }, 'echo in');
  const processes = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  assert.equal(answer.output, 'in\n');
  assert.match(host.log(), /Accepted password for hypervisor/);
  assert.ok(processes.includes('-l hypervisor') && !processes.includes(password));

  const fault = await failureOf(pool.run({ ...withoutKey, password: 'wrong' }, 'true'));
  assert.equal(fault.failure, 'refused');
  assert.match(fault.message, /Permission denied/);
});

test('uses the password if the key is rejected', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t);
  const other = join(host.folder, 'other-key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
  assert.equal((await pool.run({ ...target, key: { file: other }, password }, 'echo in')).output, 'in\n');
});

test('reports a rejected key, and an invalid one', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t);
  const other = join(host.folder, 'other-key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
  assert.equal((await failureOf(pool.run({ ...target, key: { file: other } }, 'true'))).failure, 'refused');

  const garbage = await failureOf(pool.run({ ...target, key: { contents: 'no key at all' } }, 'true'));
  assert.deepEqual([garbage.failure, /no key at all/.test(garbage.message)], ['unusable', false]);
  const missing = await failureOf(pool.run({ ...target, key: { file: join(host.folder, 'missing') } }, 'true'));
  assert.equal(missing.failure, 'unusable');
  assert.match(missing.message, /missing cannot be read: ENOENT/);
});

test('distinguishes a key with a passphrase from a rejected one', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t);
  const forms = { RFC4716: 'ed25519', PEM: 'ecdsa', PKCS8: 'ecdsa' };
  for (const [form, type] of Object.entries(forms)) {
    const locked = join(host.folder, `locked-${form}`);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-m', form, '-N', 'open sesame', '-f', locked]);
    const fault = await failureOf(pool.run({ ...target, key: { file: locked } }, 'true'));
    assert.deepEqual([fault.failure, /has a passphrase/.test(fault.message)], ['unusable', true], form);
    assert.equal((await pool.run({ ...target, key: { file: locked }, password }, 'echo in')).output, 'in\n');
  }
});

test('accepts a key with CRLF line endings, and reports what is no private key', {
  skip: withoutSshd,
}, async (t) => {
  const { pool, target, host } = await aFixture(t);
  const contents = readFileSync(host.keyFile, 'utf8').replaceAll('\n', '\r\n');
  assert.equal((await pool.run({ ...target, key: { contents } }, 'echo in')).output, 'in\n');

  const half = `${readFileSync(host.keyFile, 'utf8').slice(0, 200)}\n-----END OPENSSH PRIVATE KEY-----\n`;
  const wrong = { 'its public half': readFileSync(`${host.keyFile}.pub`, 'utf8'), 'one that was cut': half };
  for (const [name, key] of Object.entries(wrong)) {
    const fault = await failureOf(pool.run({ ...target, key: { contents: key } }, 'true'));
    assert.equal(fault.failure, 'unusable', name);
    assert.match(fault.message, /private key (?:is malformed|cannot be read)/);
  }
});

test('reports a host that disconnects during a command as unreachable, and the command as not done', {
  skip: withoutSshd,
}, async (t) => {
  const { pool, target, host } = await aFixture(t);
  const folder = mkdtempSync(join(host.folder, 'command-'));
  chmodSync(folder, 0o777);
  const watcher = watch(folder);
  const begun = once(watcher, 'change');
  const running = failureOf(pool.run(target, `echo > ${folder}/begun; sleep 100`));
  await begun;
  watcher.close();
  await host.stop();
  assert.equal((await running).failure, 'unreachable');
});

test('trusts a fingerprint, and a known_hosts file', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t);
  const fingerprint = fingerprintOf(host.hostKey);
  assert.equal((await pool.run({ ...target, hostKeys: [fingerprint] }, 'echo in')).output, 'in\n');

  const knownHosts = join(host.folder, 'known hosts');
  writeFileSync(knownHosts, `[127.0.0.1]:${host.port} ${host.hostKey}\n`);
  assert.equal((await pool.run({ ...target, hostKeys: [], knownHosts }, 'echo in')).output, 'in\n');
});

test('sends nothing to an unknown host, and reports its key', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t);
  const shown = fingerprintOf(host.hostKey);
  const others = [[], [`SHA256:${'A'.repeat(43)}`], [readFileSync(`${host.keyFile}.pub`, 'utf8').trim()]];
  for (const hostKeys of others) {
    const fault = await failureOf(pool.run({ ...target, hostKeys }, 'true'));
    assert.equal(fault.failure, 'untrusted');
    assert.ok(fault.message.includes(`ssh-ed25519 key ${shown}`), fault.message);
  }
  assert.equal(host.logins(), 0);
});

test('detects that the host has another key', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t);
  await pool.run(target, 'true');
  await host.stop();
  host.changeHostKey();
  await host.start();
  // The end of the connection may not have been noticed yet.
  await pool.run(target, 'true').catch(() => {});
  const fault = await failureOf(pool.run(target, 'true'));
  assert.equal(fault.failure, 'untrusted');
  assert.ok(fault.message.includes(fingerprintOf(host.hostKey)));
});

test('reconnects after the host was down', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t);
  await pool.run(target, 'true');
  await host.stop();
  await pool.run(target, 'true').catch(() => {});
  assert.equal((await failureOf(pool.run(target, 'true'))).failure, 'unreachable');
  await host.start();
  assert.equal((await pool.run(target, 'echo back')).output, 'back\n');
});

test('reports a host that accepts connections and does not reply', { skip: withoutSshd }, async (t) => {
  const { pool, target } = await aFixture(t, { connectMs: 300 });
  const mute = createServer().listen(0, '127.0.0.1');
  t.after(() => mute.close());
  await once(mute, 'listening');
  const { port } = mute.address() as AddressInfo;
  const fault = await failureOf(pool.run({ ...target, port }, 'true'));
  assert.equal(fault.failure, 'unreachable');
});

test('a command that times out or is aborted does not end others', { skip: withoutSshd }, async (t) => {
  const { pool, target, host } = await aFixture(t, { commandMs: 4_000 });
  await pool.run(target, 'true');
  const controller = new AbortController();
  const given = pool.run(target, 'sleep 60', controller.signal);
  const slow = pool.run(target, 'sleep 60');
  controller.abort(new Error('no longer'));
  await assert.rejects(given, { message: 'no longer' });
  assert.equal((await failureOf(slow)).failure, 'slow');
  assert.equal((await pool.run(target, 'echo still')).output, 'still\n');
  assert.equal(host.logins(), 1);
});

test('closes an idle connection, and reopens it when needed', { skip: withoutSshd }, async (t) => {
  const { pool, target, host, directory } = await aFixture(t, { idleMs: 50 });
  await pool.run(target, 'true');
  while (readdirSync(directory).length > 0) await new Promise((done) => setTimeout(done, 20));
  assert.equal((await pool.run(target, 'echo again')).output, 'again\n');
  assert.equal(host.logins(), 2);
});

test('closing aborts running commands', { skip: withoutSshd }, async (t) => {
  const { pool, target } = await aFixture(t);
  await pool.run(target, 'true');
  const running = failureOf(pool.run(target, 'sleep 60'));
  await pool.close();
  assert.equal((await running).failure, 'closed');
});

test('the connection ends with the process, even if killed', { skip: withoutSshd }, async (t) => {
  const { target, host } = await aFixture(t);
  const directory = join(host.folder, 'sockets');
  const code = `
    const { SshPool } = await import(${JSON.stringify(new URL('./ssh-pool.ts', import.meta.url).href)});
    await new SshPool(${JSON.stringify(directory)}).run(${JSON.stringify(target)}, 'true');
    process.stdout.write('connected');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const masters = () =>
    execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(`ControlPath=${directory}`));
  assert.equal(masters().length, 1);
  child.kill('SIGKILL');
  while (masters().length > 0) await new Promise((done) => setTimeout(done, 20));
});
