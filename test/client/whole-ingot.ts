/** A whole Ingot on fake hardware, and the environment for the `openstack` client. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { serve } from '#serve.ts';
import { readSettings } from '#settings.ts';

export type WholeIngot = {
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
  /** For the test's own files; removed with the stage. */
  readonly directory: string;
  close(): Promise<void>;
};

/** @param prepare receives the state folder before Ingot opens it */
export async function startWholeIngot(
  prepare?: (state: string) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
): Promise<WholeIngot> {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-client-'));
  await prepare?.(join(directory, 'state'));
  const flags = {
    state_dir: join(directory, 'state'),
    'api.listen': '127.0.0.1:0',
    'admin.password': 'pw',
    'log.level': 'silent',
    'power.poll_ms': '10',
    ...settings,
  };
  const running = await serve(readSettings({ flags }));
  const env = {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    OS_AUTH_URL: `${running.url}/identity/v3`,
    OS_USERNAME: 'admin',
    OS_PASSWORD: 'pw',
    OS_PROJECT_NAME: 'admin',
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_DOMAIN_NAME: 'Default',
    OS_IDENTITY_API_VERSION: '3',
    OS_COMPUTE_API_VERSION: '2.90',
    OS_BAREMETAL_API_VERSION: 'latest',
  };
  return {
    url: running.url,
    env,
    directory,
    async close() {
      await running.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** One for all tests of a file, which only read it. @param layFiles receives the folder for the tests' own files */
export function aSharedIngot(
  layFiles?: (directory: string) => Promise<void>,
  settings?: Readonly<Record<string, string>>,
): Pick<WholeIngot, 'env' | 'directory'> {
  let ingot: WholeIngot;
  before(async () => {
    ingot = await startWholeIngot(undefined, settings);
    await layFiles?.(ingot.directory);
  });
  after(() => ingot.close());
  return {
    get env() {
      return ingot.env;
    },
    get directory() {
      return ingot.directory;
    },
  };
}
