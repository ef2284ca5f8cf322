import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pause } from '#async/timers.ts';
import { limitTable, runConfined } from './confined.ts';
import { endLeftBehind } from './left-behind.ts';

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-left-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'image'), '');
  return folder;
}

/** Resolves once the program runs. */
async function started(path: string, signal?: AbortSignal): Promise<{ ended: Promise<unknown> }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const args = () => ['-c', 'echo started; exec sleep 600'];
  const ended = runConfined('sh', {
    files: { image: { path } },
    args,
    limits: limitTable.write,
    signal,
    onOutput: () => resolve(),
  });
  await Promise.race([promise, ended]);
  return { ended };
}

test('ends the confined programs that use a folder, and no others', async (t) => {
  const [own, other] = [await aFolder(t), await aFolder(t)];
  const beside = `${own}-2`;
  await mkdir(beside);
  t.after(() => rm(beside, { recursive: true, force: true }));
  await writeFile(join(beside, 'image'), '');
  const stop = new AbortController();
  const left = await started(join(own, 'image'));
  const kept = [await started(join(other, 'image'), stop.signal), await started(join(beside, 'image'), stop.signal)];
  const unconfined = spawn('sleep', ['600', `${own}/image`], { stdio: 'ignore' });
  t.after(() => unconfined.kill());

  const failed = assert.rejects(left.ended, { code: 'toolFailed' });
  assert.ok((await endLeftBehind(own)).length > 0);
  await failed;
  assert.deepEqual(await endLeftBehind(own), []);

  stop.abort(new Error('still running'));
  for (const { ended } of kept) await assert.rejects(ended, /still running/);
});

test('ends what was left because its parent was killed while the sandbox was being made', async (t) => {
  const folder = await aFolder(t);
  const script = `import { limitTable, runConfined } from '#tools/confined.ts';
    process.stdout.write('ready');
    const files = { image: { path: ${JSON.stringify(join(folder, 'image'))} } };
    await runConfined('sleep', { files, args: () => ['600'], limits: limitTable.write });`;
  await Promise.all(
    Array.from({ length: 24 }, async (_, index) => {
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
      await once(parent.stdout, 'data');
      await pause(index);
      parent.kill('SIGKILL');
      await once(parent, 'exit');
    }),
  );
  const running = () => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(` ${folder}/`);
  // By chance, some have not come to bubblewrap yet, and it ends others.
  while (running()) await endLeftBehind(folder);
});
