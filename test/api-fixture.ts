/** An API with an empty database, an administrator and parts supplied by the test: for `inject`, or on loopback. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { pino } from 'pino';
import { type ApiParts, createApi } from '#api/app.ts';
import type { Engine } from '#engine/contract.ts';
import { importRulesOf } from '#images/fetch/fetch-rules.ts';
import type { DriverCatalog } from '#services/baremetal/driver-catalog.ts';
import { ensureAdmin } from '#services/identity/bootstrap.ts';
import type { Directory } from '#services/identity/directory/directory.ts';
import { openDirectory } from '#services/identity/directory/open-directory.ts';
import type { ImageData } from '#services/image/context.ts';
import { ImageImports } from '#services/image/imports/image-imports.ts';
import { readSettings } from '#settings.ts';
import { databaseFile } from '#store/database-address.ts';
import type { Store } from '#store/store.ts';
import { aStore } from './a-store.ts';

export type ApiFixture = {
  readonly app: FastifyInstance;
  readonly store: Store;
  readonly stateDir: string;
  readonly imports: ImageImports;
  readonly directory: Directory | undefined;
  /** Sends a request with the administrator's token, unless `headers` contains another. */
  // biome-ignore lint/suspicious/noExplicitAny: each test looks at a body of its own shape
  ask(request: InjectOptions): Promise<{ status: number; headers: Record<string, unknown>; body: any }>;
  /** A token for a user in a project (default: the user's own). */
  logIn(user: string, password: string, project?: string): Promise<string>;
  /** Starts listening; the environment for the `openstack` client. */
  listen(): Promise<{ url: string; env: NodeJS.ProcessEnv }>;
  close(): Promise<void>;
};

export const adminPassword = 'correct horse';

export type FixtureParts = {
  engine?: (store: Store) => Engine | Promise<Engine>;
  images?: (store: Store, stateDir: string) => ImageData;
  drivers?: DriverCatalog;
  settings?: Readonly<Record<string, string>>;
  /** See `ApiParts`. */
  clock?: () => number;
  onAuthenticated?: ApiParts['onAuthenticated'];
  /** Whether the database is in the state folder, with the real cost of commits; default: in memory. */
  onDisk?: boolean;
};

/** Tests must also run on disks that are nearly full. */
const roomy = { 'images.reserve_mib': '0' };

export async function openApiFixture(parts: FixtureParts = {}): Promise<ApiFixture> {
  const stateDir = await mkdtemp(join(tmpdir(), 'ingot-api-'));
  const store = await aStore(parts.onDisk ? databaseFile(stateDir) : undefined);
  const settings = readSettings({ flags: { ...roomy, 'admin.password': adminPassword, state_dir: stateDir, ...parts.settings } });
  await ensureAdmin(store, settings, stateDir);
  const images = parts.images?.(store, stateDir) ?? absent<ImageData>('image data');
  const log = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' });
  const imports = new ImageImports({ store, images, rules: importRulesOf(settings), settings, log });
  const directory = await openDirectory({ store, settings, log });
  directory?.start();
  const app = createApi({
    store,
    engine: (await parts.engine?.(store)) ?? absent<Engine>('engine'),
    images,
    imports,
    directory,
    drivers: parts.drivers ?? noDrivers,
    settings,
    log,
    tokenKey: randomBytes(32),
    clock: parts.clock,
    ...(parts.onAuthenticated && { onAuthenticated: parts.onAuthenticated }),
  });
  const logIn = async (user: string, password: string, project?: string) => {
    const identity = { methods: ['password'], password: { user: { name: user, domain: { id: 'default' }, password } } };
    const scope = project === undefined ? undefined : { project: { name: project, domain: { id: 'default' } } };
    const reply = await app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload: { auth: { identity, scope } } });
    if (reply.statusCode !== 201) throw new Error(`login of ${user}: ${reply.statusCode} ${reply.body}`);
    return String(reply.headers['x-subject-token']);
  };
  let token: string | undefined;
  return {
    app,
    store,
    stateDir,
    imports,
    directory,
    logIn,
    async ask(request) {
      token ??= await logIn('admin', adminPassword);
      const reply = await app.inject({ ...request, headers: { 'x-auth-token': token, ...request.headers } });
      const isJson = reply.body !== '' && String(reply.headers['content-type']).includes('json');
      return { status: reply.statusCode, headers: reply.headers, body: isJson ? reply.json() : reply.body };
    },
    async listen() {
      await app.listen({ host: '127.0.0.1', port: 0 });
      const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
      return { url, env: clientEnvironment(url) };
    },
    async close() {
      await app.close();
      await directory?.stop();
      await store.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

function clientEnvironment(url: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    OS_AUTH_URL: `${url}/identity/v3`,
    OS_USERNAME: 'admin',
    OS_PASSWORD: adminPassword,
    OS_PROJECT_NAME: 'admin',
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_DOMAIN_NAME: 'Default',
    OS_IDENTITY_API_VERSION: '3',
    OS_REGION_NAME: 'RegionOne',
  };
}

const noDrivers: DriverCatalog = {
  ...{ hardwareTypes: {}, power: {}, management: {}, boot: {}, deploy: {}, console: {} },
  ...{ bios: {}, firmware: {}, inspect: {}, vendor: {}, raid: {} },
};

/** A part that the test does not supply: every use throws. */
function absent<T extends object>(name: string): T {
  return new Proxy({} as T, {
    get: (_target, method) => () => {
      throw new Error(`this test has no ${name} (${String(method)} was called)`);
    },
  });
}
