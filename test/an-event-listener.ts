/** Our listener for BMC events, over HTTP and HTTPS on loopback, with the driver that subscribes to it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createBootServer } from '#boot-server/boot-server.ts';
import { EventPosts } from '#drivers/redfish/index.ts';
import { readSettings } from '#settings.ts';
import { aRecordingEngine } from './a-recording-engine.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} } as never;

export async function anEventListener(t: TestContext, flags: Record<string, string> = {}) {
  const state = await mkdtemp(join(tmpdir(), 'ingot-events-'));
  const loopback = {
    'provisioning.address': '127.0.0.1',
    'provisioning.http_port': '0',
    'provisioning.deploy_helper_port': '0',
  };
  const settings = readSettings({ flags: { ...loopback, state_dir: state, ...flags } });
  const events = new EventPosts(() => boot.eventPlaces);
  const images = {
    disk: () => Promise.reject(new Error('there are none')),
    extents: () => Promise.reject(new Error('there are none')),
  };
  const taken: unknown[] = [];
  const waiting: { posts: number; resolve: () => void }[] = [];
  const eventTaker = (token: string) => {
    const taker = events.taker(token);
    return (
      taker &&
      ((body: unknown) => {
        taker(body);
        taken.push(body);
        for (const { posts, resolve } of waiting) if (taken.length >= posts) resolve();
      })
    );
  };
  const boot = createBootServer({
    ...{ settings, images, stateDir: state, log: silent },
    eventTaker,
  });
  t.after(async () => {
    await boot.stop();
    await rm(state, { recursive: true, force: true });
  });
  await boot.start(aRecordingEngine());
  /** PEM of its generated certificate. */
  const ownCertificate = () => readFile(join(state, 'events', 'events.crt'), 'utf8');
  /** Resolves when this many posts have arrived in total. */
  const untilTaken = (posts: number) =>
    new Promise<void>((resolve) => (taken.length >= posts ? resolve() : waiting.push({ posts, resolve })));
  return { boot, events, state, ownCertificate, untilTaken };
}
