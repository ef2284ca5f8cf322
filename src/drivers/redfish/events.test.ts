import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { type Script, startRedfishService } from '#test/a-redfish-service.ts';
import { createRedfishClientPool } from '#wire/redfish/client-pool.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createAskRedfish } from './ask-redfish.ts';
import { createWatchPower, type RedfishEvents } from './events.ts';
import { createWithSystem } from './find-system.ts';
import { createRedfishPower } from './power.ts';

const uuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001';
const [service, stream, subscriptions] = ['', '/SSE', '/Subscriptions'].map((end) => `/redfish/v1/EventService${end}`) as [
  string,
  string,
  string,
];
const changed = { '@odata.type': '#Event.v1_7_0.Event', Events: [{ MessageId: 'ResourceEvent.1.0.ResourceChanged' }] };
const metrics = { '@odata.type': '#MetricReport.v1_4_2.MetricReport' };
const times = { renewMs: 10, firstPauseMs: 2, longestPauseMs: 10 };

/** Resolves when it was called for the nth time. */
function counter() {
  let count = 0;
  const waiting: { times: number; resolve: () => void }[] = [];
  const hint = () => {
    count++;
    for (const { times, resolve } of waiting) if (count >= times) resolve();
  };
  const until = (times: number) =>
    new Promise<void>((resolve) => (count >= times ? resolve() : waiting.push({ times, resolve })));
  return { hint, until, count: () => count };
}

async function setUp(t: TestContext, fields: object, script: Script = {}) {
  const system = { '@odata.id': '/redfish/v1/Systems/1' };
  const fixture = await startRedfishService(t, {
    'GET /redfish/v1/': { body: { Systems: { '@odata.id': '/redfish/v1/Systems' }, EventService: { '@odata.id': service } } },
    'GET /redfish/v1/Systems': { body: { Members: [system] } },
    'GET /redfish/v1/Systems/1': { body: system },
    [`GET ${service}`]: { body: { ServiceEnabled: true, ...fields } },
    ...script,
  });
  const pool = createRedfishClientPool();
  t.after(() => pool.close());
  const withSystem = createWithSystem(createAskRedfish(pool));
  const driver_info = { redfish_address: fixture.url, redfish_username: 'a', redfish_password: 'secret' };
  const node: NodeFacts = {
    id: 1,
    uuid,
    name: 'n1',
    driver: 'redfish',
    driver_info,
    properties: {},
    extra: {},
    power_state: null,
    ports: [],
  };
  return { fixture, node, withSystem, signal: new AbortController().signal };
}

const plainly = { url: 'http://172.30.0.1:8088', selfSigned: false };
const byTls = { url: 'https://172.30.0.1:8089', selfSigned: true };

function aListener(listeners = [plainly]) {
  const handlers = new Map<string, (body: unknown) => void>();
  const events: RedfishEvents = {
    destinations: (token) => listeners.map((each) => ({ ...each, url: `${each.url}/redfish-events/${token}` })),
    onEvent(token, handler) {
      handlers.set(token, handler);
      return () => handlers.delete(token);
    },
  };
  return { events, handlers };
}

suite('a service with an event stream', () => {
  test('each event triggers a poll, metrics do not, and a lost stream is reopened', async (t) => {
    const responses: ServerResponse[] = [];
    const open = (response: ServerResponse) => {
      responses.push(response.writeHead(200, { 'content-type': 'text/event-stream' }));
      response.write(`data: ${JSON.stringify(metrics)}\n\ndata: ${JSON.stringify(changed)}\n\n`);
    };
    const { node, withSystem, signal } = await setUp(t, { ServerSentEventUri: stream }, { [`GET ${stream}`]: { stream: open } });
    const { hint, until, count } = counter();
    const end = await createWatchPower(withSystem, undefined, times)(node, hint, { signal });
    await until(1);
    assert.equal(count(), 1);
    responses[0]?.end();
    // The stream was lost and reopened, and its next event arrived.
    await until(4);
    await end?.();
    assert.equal(responses.length, 2);
  });
});

const subscribing: Script = {
  [`GET ${subscriptions}`]: { body: { Members: [] } },
  [`POST ${subscriptions}`]: { status: 201, headers: { location: `${subscriptions}/7` }, body: {} },
  [`GET ${subscriptions}/7`]: { body: {} },
  [`DELETE ${subscriptions}/7`]: { status: 204 },
};
const offered = { Subscriptions: { '@odata.id': subscriptions } };

/** The subscriptions that were posted: scheme, VerifyCertificate, whether EventTypes are listed. */
const forms = (fixture: { asked: readonly { name: string; body?: unknown }[] }) =>
  fixture.asked
    .filter(({ name }) => name === `POST ${subscriptions}`)
    .map(({ body }) => {
      const { Destination, VerifyCertificate, EventTypes } = body as Record<string, string>;
      return [Destination?.split(':')[0], VerifyCertificate === undefined ? '' : 'unverified', EventTypes ? 'typed' : ''].join(
        ' ',
      );
    });
const created = { status: 201, headers: { location: `${subscriptions}/7` }, body: {} };
const refused = { status: 400, body: {} };

suite('a service without one', () => {
  test('has our subscription, posts to our listener, and is unsubscribed at the end', async (t) => {
    const { fixture, node, withSystem, signal } = await setUp(t, offered, subscribing);
    const { events, handlers } = aListener();
    const { hint, count } = counter();
    const end = await createWatchPower(withSystem, events)(node, hint, { signal });
    const body = fixture.asked.find(({ name }) => name === `POST ${subscriptions}`)?.body as Record<string, string>;
    const [token = ''] = handlers.keys();
    assert.match(token, /^[0-9a-f]{32}$/);
    assert.deepEqual(body, {
      Destination: `http://172.30.0.1:8088/redfish-events/${token}`,
      Protocol: 'Redfish',
      Context: `ingot ${uuid}`,
    });
    handlers.get(token)?.(changed);
    handlers.get(token)?.(metrics);
    assert.equal(count(), 1);
    await end?.();
    assert.equal(fixture.names().at(-1), `DELETE ${subscriptions}/7`);
    assert.equal(handlers.size, 0);
  });

  test('keeps subscriptions of others, and loses our stale ones', async (t) => {
    const entry = (id: string, Context: string) => ({ '@odata.id': `${subscriptions}/${id}`, Id: id, Context });
    const { fixture, node, withSystem, signal } = await setUp(t, offered, {
      ...subscribing,
      [`GET ${subscriptions}`]: { body: { Members: [entry('1', `ingot ${uuid}`), entry('2', 'somebody')] } },
      [`DELETE ${subscriptions}/1`]: { status: 204 },
    });
    await createWatchPower(withSystem, aListener().events)(node, () => undefined, { signal });
    const deleted = fixture.names().filter((name) => name.startsWith('DELETE'));
    assert.deepEqual(deleted, [`DELETE ${subscriptions}/1`]);
  });

  test('renews a subscription that the service has disabled', async (t) => {
    const { fixture, node, withSystem, signal } = await setUp(t, offered, {
      ...subscribing,
      [`GET ${subscriptions}`]: { body: { Members: [{ '@odata.id': `${subscriptions}/7`, Context: `ingot ${uuid}` }] } },
      [`GET ${subscriptions}/7`]: [{ body: { Context: `ingot ${uuid}`, Status: { State: 'Disabled' } } }],
    });
    const { hint, until } = counter();
    const end = await createWatchPower(withSystem, aListener().events, times)(node, hint, { signal });
    await until(1);
    await end?.();
    assert.ok(forms(fixture).length >= 2);
    assert.ok(fixture.names().filter((name) => name === `DELETE ${subscriptions}/7`).length >= 2);
  });

  test('renews a lost subscription', async (t) => {
    const { fixture, node, withSystem, signal } = await setUp(t, offered, {
      ...subscribing,
      [`GET ${subscriptions}/7`]: { status: 404 },
    });
    const { hint, until } = counter();
    const end = await createWatchPower(withSystem, aListener().events, times)(node, hint, { signal });
    await until(1);
    await end?.();
    assert.ok(fixture.names().filter((name) => name === `POST ${subscriptions}`).length >= 2);
  });

  const silent: [string, object, Script][] = [
    ['it refuses', offered, { ...subscribing, [`POST ${subscriptions}`]: { status: 501 } }],
    ['it has switched events off', { ...offered, ServiceEnabled: false }, subscribing],
    ['it knows no events', {}, { [`GET ${service}`]: { body: {} } }],
  ];
  for (const [title, fields, script] of silent) {
    test(`only polls the node if ${title}`, async (t) => {
      const { node, withSystem, signal } = await setUp(t, fields, script);
      const { events, handlers } = aListener();
      assert.equal(await createWatchPower(withSystem, events)(node, () => undefined, { signal }), undefined);
      assert.equal(handlers.size, 0);
    });
  }

  test('only polls the node without a listener', async (t) => {
    const { node, withSystem, signal } = await setUp(t, offered, subscribing);
    assert.equal(await createWatchPower(withSystem)(node, () => undefined, { signal }), undefined);
  });

  test('raises a fault for a rejected password', async (t) => {
    const { node, withSystem, signal } = await setUp(t, offered, {
      'POST /redfish/v1/SessionService/Sessions': { status: 401 },
    });
    const watching = createWatchPower(withSystem)(node, () => undefined, { signal });
    await assert.rejects(watching, (error) => error instanceof Fault && error.code === 'bmcRefused');
  });
});

suite('a subscription', () => {
  test('is recorded while it exists, and may be deleted by another process', async (t) => {
    let isRefused = false;
    const deleted = { [`DELETE ${subscriptions}/7`]: () => ({ status: isRefused ? 500 : 404 }) };
    const { node, withSystem, signal } = await setUp(t, offered, { ...subscribing, ...deleted });
    const recorded: string[] = [];
    const record = {
      put: async (path: string) => void recorded.push(`+${path}`),
      remove: async (path: string) => void recorded.push(`-${path}`),
    };
    const watch = createWatchPower(withSystem, aListener().events);
    const { unsubscribe } = createRedfishPower(withSystem, watch);
    const begin = () => watch(node, () => {}, { signal, subscriptions: record });

    await begin().then((end) => end?.());
    assert.deepEqual(recorded, [`+${subscriptions}/7`, `-${subscriptions}/7`]);
    assert.equal(await unsubscribe?.(node, `${subscriptions}/7`, { signal }), true, 'it is gone already');
    isRefused = true;
    assert.equal(await unsubscribe?.(node, `${subscriptions}/7`, { signal }), false);
    await begin().then((end) => end?.());
    assert.deepEqual(recorded.slice(2), [`+${subscriptions}/7`], 'still to be deleted');
  });
});

suite('the Context of an event', () => {
  const contexts: [string, unknown, boolean][] = [
    ['ours', { ...changed, Context: `ingot ${uuid}` }, true],
    ['ours, in each record', { Events: [{ Context: `ingot ${uuid}`, EventType: 'Alert' }] }, true],
    ['none', changed, true],
    ['words of its own', { ...changed, Context: 'Default Context' }, true],
    ['no text', { ...changed, Context: { deep: [] }, Events: 'none' }, true],
    ['another node of ours', { ...changed, Context: 'ingot 5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0002' }, false],
    ['another node of ours, in each record', { Events: [{ Context: 'ingot other' }, null] }, false],
  ];
  test('is used only if it names another of our nodes', async (t) => {
    const { node, withSystem, signal } = await setUp(t, offered, subscribing);
    const { events, handlers } = aListener();
    const { hint, count } = counter();
    const end = await createWatchPower(withSystem, events)(node, hint, { signal });
    const [take] = handlers.values();
    for (const [title, body, isTaken] of contexts) {
      const before = count();
      take?.(body);
      assert.equal(count() - before, isTaken ? 1 : 0, title);
    }
    await end?.();
  });
});

suite('the format of a subscription', () => {
  test('prefers HTTPS, declaring that its certificate cannot be verified', async (t) => {
    const { fixture, node, withSystem, signal } = await setUp(t, offered, subscribing);
    const end = await createWatchPower(withSystem, aListener([byTls, plainly]).events)(node, () => undefined, { signal });
    assert.deepEqual(forms(fixture), ['https unverified ']);
    await end?.();
  });

  test('allows a site certificate to be verified', async (t) => {
    const { fixture, node, withSystem, signal } = await setUp(t, offered, subscribing);
    const listeners = [{ ...byTls, selfSigned: false }, plainly];
    const end = await createWatchPower(withSystem, aListener(listeners).events)(node, () => undefined, { signal });
    assert.deepEqual(forms(fixture), ['https  ']);
    await end?.();
  });

  test('falls back to HTTP if the service rejects HTTPS', async (t) => {
    const script = { ...subscribing, [`POST ${subscriptions}`]: [refused, refused, refused, refused, created] };
    const { fixture, node, withSystem, signal } = await setUp(t, offered, script);
    const end = await createWatchPower(withSystem, aListener([byTls, plainly]).events)(node, () => undefined, { signal });
    assert.deepEqual(forms(fixture), ['https unverified ', 'https  ', 'https unverified typed', 'https  typed', 'http  ']);
    await end?.();
  });

  test('names event types to services that offer nothing else, and omits them if rejected', async (t) => {
    const types = { EventTypesForSubscription: ['Alert', 'StatusChange', 'MetricReport'] };
    const { fixture, node, withSystem, signal } = await setUp(
      t,
      { ...offered, ...types },
      {
        ...subscribing,
        [`POST ${subscriptions}`]: [
          { status: 400, body: {} },
          { status: 201, headers: { location: `${subscriptions}/7` }, body: {} },
        ],
      },
    );
    await createWatchPower(withSystem, aListener().events)(node, () => undefined, { signal });
    assert.partialDeepStrictEqual(fixture.asked.at(-2)?.body, { EventTypes: ['StatusChange', 'Alert'] });
    assert.deepEqual(forms(fixture), ['http  typed', 'http  ']);
  });

  test('names event types if the service requires them', async (t) => {
    const script = { ...subscribing, [`POST ${subscriptions}`]: [refused, created] };
    const { fixture, node, withSystem, signal } = await setUp(t, offered, script);
    await createWatchPower(withSystem, aListener().events)(node, () => undefined, { signal });
    assert.deepEqual(forms(fixture), ['http  ', 'http  typed']);
  });
});
