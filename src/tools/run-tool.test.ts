import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { runTool } from './run-tool.ts';

test('returns the output', async () => {
  assert.equal(await runTool('printf', ['%s', 'a b']), 'a b');
});

test('keeps the end of a long output, up to the given size', async () => {
  const script = `for (let at = 0; at < 1000; at++) process.stdout.write('a'.repeat(65_536)); process.stdout.write('end');`;
  assert.equal(await runTool(process.execPath, ['-e', script], { outputMax: 1000 }), `${'a'.repeat(997)}end`);
  assert.equal(await runTool(process.execPath, ['-e', script], { outputMax: 0 }), '');
  assert.equal((await runTool(process.execPath, ['-e', script])).length, 1024 * 1024);
});

test('a failure contains the message of the program', async () => {
  await assert.rejects(runTool('sh', ['-c', 'echo no such thing >&2; exit 3']), (error) => {
    assert.ok(error instanceof Fault);
    assert.equal(error.code, 'toolFailed');
    assert.match(error.message, /^sh failed: no such thing$/);
    return true;
  });
});

test('reports a missing program by name', async () => {
  await assert.rejects(runTool('no-such-program', []), { code: 'toolFailed', message: /no-such-program/ });
});

test('an abort kills the program and throws its reason', async () => {
  const controller = new AbortController();
  let pid = 0;
  const run = runTool('sh', ['-c', 'echo $$; exec sleep 60'], {
    signal: controller.signal,
    onOutput: (text) => {
      pid = Number(text);
      controller.abort(new Error('enough'));
    },
  });
  await assert.rejects(run, /enough/);
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('an abort also kills child processes of a group', async () => {
  const controller = new AbortController();
  let pid = 0;
  const run = runTool('sh', ['-c', 'sleep 60 & echo $!; wait'], {
    group: true,
    signal: controller.signal,
    onOutput: (text) => {
      pid = Number(text);
      controller.abort(new Error('enough'));
    },
  });
  await assert.rejects(run, /enough/);
  await goneOf(pid);
});

test('the program ends when its parent is killed', async () => {
  const script = `import { runTool } from '#tools/run-tool.ts';
    await runTool('sh', ['-c', 'echo $$; exec sleep 60'], { onOutput: (text) => process.stdout.write(text) });`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script]);
  parent.stderr.resume();
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(chunk.toString());
  assert.ok(pid > 0);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await goneOf(pid);
});

/** Waits until the process has exited or is a zombie. */
async function goneOf(pid: number): Promise<void> {
  for (;;) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (state === undefined || / Z /.test(state)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("does not pass Ingot's settings, which contain passwords, to other programs", async (t) => {
  process.env['INGOT_ADMIN_PASSWORD'] = 'admin-secret';
  t.after(() => delete process.env['INGOT_ADMIN_PASSWORD']);
  const environment = await runTool('env', [], { env: { INGOT_SAID: 'on purpose' } });
  assert.doesNotMatch(environment, /admin-secret/);
  assert.match(environment, /INGOT_SAID=on purpose/);
});
