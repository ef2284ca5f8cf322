/** A whole Ingot, used by a test through the bare metal API. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { serve } from '#serve.ts';
import { readSettings } from '#settings.ts';

// biome-ignore lint/suspicious/noExplicitAny: each reply has a shape of its own
export type Reply = { status: number; body: any };
export type Site = {
  ask(method: string, path: string, body?: unknown): Promise<Reply>;
  /** The power state after the operation on the node. */
  settled(node: string): Promise<Reply['body']>;
};

export async function openSite(t: TestContext, settings: Record<string, string> = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-site-'));
  const flags = {
    state_dir: join(folder, 'state'),
    'api.listen': '127.0.0.1:0',
    'admin.password': 'pw',
    'log.level': 'silent',
    'power.poll_ms': '20',
    ...settings,
  };
  const running = await serve(readSettings({ flags }));
  t.after(async () => {
    await running.close();
    await rm(folder, { recursive: true });
  });
  const identity = { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password: 'pw' } } };
  const scope = { project: { name: 'admin', domain: { id: 'default' } } };
  const json = { 'content-type': 'application/json' };
  const login = { method: 'POST', headers: json, body: JSON.stringify({ auth: { identity, scope } }) };
  const token = (await fetch(`${running.url}/identity/v3/auth/tokens`, login)).headers.get('x-subject-token') ?? '';
  const ask: Site['ask'] = async (method, path, body) => {
    const headers = { ...json, 'x-auth-token': token, 'x-openstack-ironic-api-version': '1.109' };
    const reply = await fetch(`${running.url}/baremetal/v1${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    return { status: reply.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  return { ask, settled: (node) => settledState(ask, node) };
}

/** Waits for the node's events instead of polling. */
async function settledState(ask: Site['ask'], node: string): Promise<Reply['body']> {
  for (let last = 0; ; ) {
    const { body } = await ask('GET', `/nodes/${node}`);
    if (body.target_power_state === null && body.reservation === null) return body;
    last = (await ask('GET', `/nodes/${node}/events?after=${last}&wait=10`)).body.last;
  }
}
