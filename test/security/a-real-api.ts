/** The API and the engine with all real drivers, on loopback and in memory: attacks go the whole way. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { BootPlan } from '#drivers/interfaces.ts';
import { openDrivers } from '#drivers/registry.ts';
import type { BootPublisher, Engine } from '#engine/contract.ts';
import { createEngine } from '#engine/engine.ts';
import { openFetcher } from '#images/fetch/open-fetcher.ts';
import { createImageFiles, type ImageStore } from '#images/image-files.ts';
import { readSettings } from '#settings.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

export type RealApi = ApiFixture & {
  readonly engine: Engine;
  /** Boot files that machines could fetch, in the order in which they were written. */
  readonly published: BootPlan[];
  /** Resolves when no operation works: each has ended, or waits for its machine. */
  quiet(): Promise<void>;
};

const flags = { 'power.poll_ms': '1', 'power.sync_interval': '0', 'bmc.grace_period': '0', 'fake.power_delay_ms': '0' };

export async function openRealApi(): Promise<RealApi> {
  const published: BootPlan[] = [];
  const site = { ...flags, 'deploy.kernel': '/boot/kernel', 'deploy.ramdisk': '/boot/ramdisk', state_dir: '/nonexistent' };
  const settings = readSettings({ flags: site });
  const opened = await openDrivers({ settings, confirmPower: async () => {} });
  const log = pino({ level: 'silent' });
  const directory = await mkdtemp(join(tmpdir(), 'ingot-security-'));
  const parts: { engine?: Engine; images?: ImageStore; fetcher?: Awaited<ReturnType<typeof openFetcher>> } = {};
  const fixture = await openApiFixture({
    drivers: opened.drivers,
    images: (store) => {
      parts.images = createImageFiles({ store, directory, log });
      return parts.images;
    },
    async engine(store) {
      const images = parts.images as ImageStore;
      const fetcher = await openFetcher({ store, files: images, directory, settings, log });
      const boot = publisherOf(published);
      const engine = createEngine({ store, settings, log, images, fetcher, boot, drivers: opened.drivers });
      Object.assign(parts, { engine, fetcher });
      return engine;
    },
  });
  return {
    ...fixture,
    published,
    engine: parts.engine as Engine,
    async quiet() {
      for (;;) {
        const running = await fixture.store.operations.list({ state: ['running', 'rolling_back'] });
        if (running.every(({ waiting_for }) => waiting_for !== null)) return;
        await new Promise(setImmediate);
      }
    },
    async close() {
      await parts.engine?.stop();
      await opened.close();
      await parts.fetcher?.close();
      await parts.images?.close();
      await fixture.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function publisherOf(published: BootPlan[]): BootPublisher {
  return {
    addresses: { http_url: 'http://192.0.2.1:8088', tftp_address: '192.0.2.1' },
    tftpRoot: '/nonexistent/tftp',
    publish: async (plan) => void published.push(plan),
    spend: async () => {},
    withdraw: async () => {},
    plannedNodes: () => [],
  };
}
