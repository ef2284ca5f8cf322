/**
 * A killed Ingot finds the task of a firmware update again: in the row, and on the BMC. It does not switch the machine
 * while the update may not have ended.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pause } from '#async/timers.ts';
import type { CloudClient } from '#demo/cloud-client.ts';
import { logIn } from '#demo/lab-cloud.ts';
import { untilNode } from '#demo/main-job.ts';
import { startRedfishTree, type TreeReply } from './a-redfish-tree.ts';
import { freePort } from './free-port.ts';

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const service = '/redfish/v1/UpdateService';
const simpleUpdate = `${service}/Actions/UpdateService.SimpleUpdate`;
const task = '/redfish/v1/TaskService/Tasks/1';
const reset = '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset';

test('an Ingot that is killed during a firmware update polls the same task after its restart', async (t) => {
  const { url, changes, reads, state } = await aBmc(t);
  const state_dir = await mkdtemp(join(tmpdir(), 'ingot-firmware-'));
  t.after(() => rm(state_dir, { recursive: true, force: true }));
  const polls = () => reads.filter((path) => path === task).length;

  const first = await startIngot(t, state_dir);
  const uuid = await beginUpdate(first.cloud, url);
  while (polls() < 2) await pause(20);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const before = polls();
  const second = await startIngot(t, state_dir);
  while (polls() === before) await pause(20);
  state.value = 'done';
  await untilNode(second.cloud, uuid, 'manageable');

  assert.equal(changes.filter(({ path }) => path === simpleUpdate).length, 1);
  second.child.kill('SIGTERM');
  await once(second.child, 'exit');
});

test('an Ingot that is killed does not switch a machine whose update has not been reported as ended', async (t) => {
  const { url, changes, reads, state } = await aBmc(t);
  const state_dir = await mkdtemp(join(tmpdir(), 'ingot-firmware-'));
  t.after(() => rm(state_dir, { recursive: true, force: true }));
  const restart = async ({ child }: { child: ChildProcess }) => {
    child.kill('SIGKILL');
    await once(child, 'exit');
    return startIngot(t, state_dir);
  };

  const first = await startIngot(t, state_dir);
  const uuid = await beginUpdate(first.cloud, url);
  while (reads.filter((path) => path === task).length < 2) await pause(20);
  // Its BMC has forgotten the task, and its version says nothing.
  state.value = 'forgotten';
  const second = await restart(first);
  while ((await second.cloud.bareMetal<{ provision_state: string }>(`/nodes/${uuid}`)).provision_state !== 'clean failed')
    await pause(20);
  const { cloud, child } = await restart(second);
  const off = () => cloud.bareMetal(`/nodes/${uuid}/states/power`, { method: 'PUT', body: { target: 'power off' } });

  await assert.rejects(off(), /409.*firmware of node \S+ may be being written: the update of the firmware of bios/s);
  const { firmware_updates } = await cloud.bareMetal<{ firmware_updates: { component: string }[] }>(
    `/nodes/${uuid}/firmware_updates`,
  );
  assert.deepEqual(
    firmware_updates.map(({ component }) => component),
    ['bios'],
  );
  const clean_steps = [{ interface: 'power', step: 'power_off' }];
  for (const body of [{ target: 'manage' }, { target: 'clean', clean_steps }]) {
    await cloud.bareMetal(`/nodes/${uuid}/maintenance`, { method: 'DELETE' });
    await cloud.bareMetal(`/nodes/${uuid}/states/provision`, { method: 'PUT', body });
  }
  const waits = async () => {
    const { driver_internal_info } = await cloud.bareMetal<{ driver_internal_info: { operation?: { waiting_for?: string } } }>(
      `/nodes/${uuid}`,
    );
    return driver_internal_info.operation?.waiting_for ?? '';
  };
  while (!(await waits()).startsWith('the update of the firmware of bios to end')) await pause(20);
  assert.deepEqual(
    changes.filter(({ path }) => path === reset),
    [],
  );

  await cloud.bareMetal(`/nodes/${uuid}/firmware_updates`, { method: 'DELETE' });
  while (changes.every(({ path }) => path !== reset)) await pause(20);
  child.kill('SIGKILL');
  await once(child, 'exit');
});

/** Its version stays the same: only the task shows that the update is over. */
async function aBmc(t: TestContext) {
  const state: { value: 'working' | 'done' | 'forgotten' } = { value: 'working' };
  const headers = { 'retry-after': '0' };
  const tree = await startRedfishTree(
    t,
    {
      '/redfish/v1/Systems/1': {
        PowerState: 'On',
        BiosVersion: '1.0',
        Actions: { '#ComputerSystem.Reset': { target: reset, 'ResetType@Redfish.AllowableValues': ['On', 'ForceOff'] } },
      },
      [service]: { ServiceEnabled: true, Actions: { '#UpdateService.SimpleUpdate': { target: simpleUpdate } } },
    },
    {
      rules: {
        [`POST ${simpleUpdate}`]: () => ({ status: 202, headers: { ...headers, location: task } }),
        [`GET ${task}`]: (): TreeReply => {
          if (state.value === 'forgotten') return { status: 404, body: {} };
          const TaskState = state.value === 'done' ? 'Completed' : 'Running';
          return { status: 200, headers, body: { '@odata.type': '#Task.v1_4_3.Task', TaskState, TaskStatus: 'OK' } };
        },
      },
    },
  );
  return { ...tree, state };
}

async function startIngot(t: TestContext, state_dir: string): Promise<{ child: ChildProcess; cloud: CloudClient }> {
  const port = await freePort();
  const flags = ['--state', state_dir, '--listen', `127.0.0.1:${port}`, '--log.level', 'silent'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, 'serve', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`Ingot ended with ${code}`)));
  ended.catch(() => {});
  const serving = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => line.startsWith('Ingot serves') && resolve());
  });
  await Promise.race([serving, ended]);
  return { child, cloud: await logIn(`http://127.0.0.1:${port}`, state_dir) };
}

async function beginUpdate(cloud: CloudClient, redfish_address: string): Promise<string> {
  const body = { name: 'rack1-u7', driver: 'redfish', driver_info: { redfish_address } };
  const { uuid } = await cloud.bareMetal<{ uuid: string }>('/nodes', { method: 'POST', body });
  await cloud.bareMetal(`/nodes/${uuid}/states/provision`, { method: 'PUT', body: { target: 'manage' } });
  await untilNode(cloud, uuid, 'manageable');
  const clean_steps = [
    { interface: 'firmware', step: 'update', args: { settings: [{ component: 'bios', url: 'http://192.0.2.1/f' }] } },
  ];
  await cloud.bareMetal(`/nodes/${uuid}/states/provision`, { method: 'PUT', body: { target: 'clean', clean_steps } });
  return uuid;
}
