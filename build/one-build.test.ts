import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { oneBuildAtATime } from './one-build.ts';

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-build-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test('a build begins when the one before it has ended, also if that failed', async (t) => {
  const folder = await aFolder(t);
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const failing = oneBuildAtATime(folder, async () => {
    seen.push('first begins');
    started.resolve();
    await first.promise;
    seen.push('first fails');
    throw new Error('no space');
  });
  await started.promise;
  const second = oneBuildAtATime(folder, async () => seen.push('second'));
  first.resolve();
  await assert.rejects(failing, /no space/);
  await second;
  assert.deepEqual(seen, ['first begins', 'first fails', 'second']);
});

test('a waiting build says what it waits for, and gives up after a time', async (t) => {
  const folder = await aFolder(t);
  const lines: string[] = [];
  const first = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const running = oneBuildAtATime(folder, () => {
    started.resolve();
    return first.promise;
  });
  await started.promise;
  const announce = (line: string) => void lines.push(line);
  await assert.rejects(
    oneBuildAtATime(folder, async () => assert.fail('built beside another'), { announce, waitSeconds: 2 }),
    { code: 'toolFailed', message: /another build into .* has not ended within 2 s; end it/ },
  );
  assert.deepEqual(lines, [`waiting for another build into ${folder}`]);
  first.resolve();
  await running;
});

test('a process that is killed holds nothing', async (t) => {
  const folder = await aFolder(t);
  const script = `
    import { oneBuildAtATime } from ${JSON.stringify(join(import.meta.dirname, 'one-build.ts'))};
    await oneBuildAtATime(${JSON.stringify(folder)}, () => { console.log('held'); return new Promise(() => setInterval(() => {}, 1000)); });`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  assert.equal(await oneBuildAtATime(folder, async () => 'built'), 'built');
});
