/** Events from third-party senders: DMTF's mockup server, and recordings of several vendors' BMCs (see readme.md). */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { type PythonService, reasonToSkip, startPythonService } from '#test/a-python-service.ts';
import { type Script, startRedfishService } from '#test/a-redfish-service.ts';
import { aNode } from '#test/a-task.ts';
import { anEventListener } from '#test/an-event-listener.ts';
import { freePort } from '#test/free-port.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createRedfishDriver } from './index.ts';

/**
 * Stub of grequests, the module it sends events with, as far as it is used: requests that are made by `map`. The
 * mockup's own subscribers are on the internet, and get nothing.
 */
const sender = `
import sys, types, functools, requests
def send(calls):
    for call in calls:
        if '://127.0.0.1:' in call.args[0]:
            call()
grequests = types.ModuleType('grequests')
grequests.post = functools.partial(functools.partial, requests.post)
grequests.map = send
sys.modules['grequests'] = grequests
`;

const mockupServer: PythonService = {
  variable: 'REFEREE_REDFISH_MOCKUP_SERVER',
  imports: `${sender}\nimport redfishMockupServer`,
  program: `${sender}\nimport runpy; runpy.run_path('redfishMockupServer.py', run_name='__main__')`,
  options: (port) => ['-S', '-D', 'public-rackmount1', '-H', '127.0.0.1', '-p', String(port)],
  listening: 'running Server',
};

type Listener = Awaited<ReturnType<typeof anEventListener>>;

/** A node whose power state is polled on each event of its BMC. */
async function watch(t: TestContext, { events }: Pick<Listener, 'events'>, url: string) {
  const driver = createRedfishDriver({ events });
  const driver_info = { redfish_address: url, redfish_username: 'root', redfish_password: 'secret' };
  const node: NodeFacts = { ...aNode({ driver: 'redfish', driver_info }), ports: [] };
  let heard = 0;
  let reported = Promise.withResolvers<string>();
  const poll = () => {
    heard += 1;
    driver.power.getPower(node).then(reported.resolve, reported.reject);
  };
  const end = await driver.power.watchPower?.(node, poll, { signal: new AbortController().signal });
  t.after(async () => {
    await end?.();
    await driver.close();
  });
  /** The power state polled after the next event. */
  const nextPoll = async () => {
    const power = await reported.promise;
    reported = Promise.withResolvers();
    return power;
  };
  return { nextPoll, heard: () => heard, end };
}

async function readSubscriptions(url: string): Promise<Record<string, unknown>[]> {
  const read = async (path: string) => (await (await fetch(url + path)).json()) as Record<string, unknown>;
  const { Members } = await read('/redfish/v1/EventService/Subscriptions');
  return Promise.all((Members as { '@odata.id': string }[]).map((member) => read(member['@odata.id'])));
}

async function act(url: string, action: string, body: object): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${url}/redfish/v1/${action}`, { method: 'POST', headers, body: JSON.stringify(body) })).status;
}

const testEvent = {
  EventType: 'StatusChange',
  EventId: '1',
  EventTimestamp: '2026-01-01T00:00:00Z',
  Severity: 'OK',
  Message: 'The power state has changed.',
  MessageId: 'ResourceEvent.1.0.ResourceStatusChangedOK',
  MessageArgs: [],
  OriginOfCondition: '/redfish/v1/Systems/437XR1138R2',
};
const testReport = { MetricReportName: 'Power', MetricReportValues: [] };
const submitEvent = 'EventService/Actions/EventService.SubmitTestEvent';
const submitReport = 'TelemetryService/Actions/TelemetryService.SubmitTestMetricReport';

suite("DMTF's mockup server", { skip: reasonToSkip(mockupServer) }, () => {
  test('posts events by HTTP, each of which triggers a poll; metric reports do not', async (t) => {
    const listener = await anEventListener(t);
    const url = `http://127.0.0.1:${await startPythonService(t, mockupServer)}`;
    const { nextPoll, heard, end } = await watch(t, listener, url);
    const ours = (await readSubscriptions(url)).find(({ Context }) => String(Context).startsWith('ingot '));
    assert.match(String(ours?.['Destination']), /^http:\/\/127\.0\.0\.1:\d+\/redfish-events\/[0-9a-f]{32}$/);

    assert.equal(await act(url, submitReport, testReport), 204);
    assert.equal(await act(url, submitEvent, testEvent), 204);
    assert.equal(await nextPoll(), 'power on');
    await listener.untilTaken(2);
    assert.equal(heard(), 1);

    await end?.();
    assert.ok((await readSubscriptions(url)).every(({ Context }) => !String(Context).startsWith('ingot ')));
  });

  test('posts them by HTTPS, and checks our certificate if it has been installed', async (t) => {
    const port = await freePort();
    const listener = await anEventListener(t, { 'redfish.events_https_port': String(port) });
    const authority = join(listener.state, 'authority.pem');
    await writeFile(authority, await listener.ownCertificate());
    const service = { ...mockupServer, env: { REQUESTS_CA_BUNDLE: authority } };
    const url = `http://127.0.0.1:${await startPythonService(t, service)}`;
    const { nextPoll } = await watch(t, listener, url);
    const ours = (await readSubscriptions(url)).find(({ Context }) => String(Context).startsWith('ingot '));
    assert.ok(String(ours?.['Destination']).startsWith(`https://127.0.0.1:${port}/redfish-events/`));
    assert.equal(ours?.['VerifyCertificate'], false);

    assert.equal(await act(url, submitEvent, testEvent), 204);
    assert.equal(await nextPoll(), 'power on');
  });
});

/** A copy of redhat-cne/hw-event-proxy; its test data are events of iDRAC 9, iLO 5 and AMI, most of them recorded. */
const recordings = process.env['REFEREE_HW_EVENT_PROXY'] && join(process.env['REFEREE_HW_EVENT_PROXY'], 'e2e-tests', 'data');

/** Event shapes by vendor, with values of our own: what is where, and what is missing. */
const shapes: Record<string, unknown> = {
  'iLO 5: no Context but in each record, the origin as text': {
    '@odata.type': '#Event.v1_0_0.Event',
    Name: 'Events',
    Events: [{ EventType: 'Alert', MemberId: '0', OriginOfCondition: '/redfish/v1/Systems/1/' }],
  },
  'Intel: arguments that are null, the Context at the end': {
    '@odata.type': '#Event.v1_2_1.Event',
    Events: [{ EventType: 'Alert', MessageId: 'Alert.1.0.0.SystemPowerOn', MessageArgs: [null] }],
    Context: 'any',
  },
  'Gigabyte (AMI): a type that no schema knows, and a log entry as a record': {
    '@odata.type': '#EventService.1.0.0.Event',
    Events: [{ Context: 'any', EntryType: 'Event', EventId: '/redfish/v1/Systems/Self - 1', Name: 'Log entry 18' }],
  },
  'Cray: neither type nor name': { Context: 'any', Events: [{ EventId: '140', MessageArgs: ['/redfish/v1/Chassis/E', 'On'] }] },
  'OpenBMC: no origin, an empty Context': {
    '@odata.type': '#Event.v1_4_0.Event',
    Events: [{ Context: '', Message: 'x' }],
    Id: '1',
  },
};

function readRecordings(): Record<string, unknown> {
  if (!recordings) return {};
  const files = readdirSync(recordings).filter((name) => name.endsWith('.json'));
  return Object.fromEntries(files.map((name) => [name, JSON.parse(readFileSync(join(recordings, name), 'utf8'))]));
}

suite('bodies of several vendors', () => {
  test('the formats of vendors each trigger a poll', (t) => takesAll(t, shapes));
  test('recorded ones do, too', { skip: recordings ? false : 'REFEREE_HW_EVENT_PROXY names no copy of it' }, async (t) => {
    const recorded = readRecordings();
    assert.ok(Object.keys(recorded).length > 5);
    await takesAll(t, recorded);
  });
});

/** Subscribes at a fake service and POSTs the events itself. */
async function takesAll(t: TestContext, bodies: Record<string, unknown>): Promise<void> {
  const listener = await anEventListener(t);
  const fixture = await startRedfishService(t, eventService);
  const { heard } = await watch(t, listener, fixture.url);
  const { body } = fixture.asked.find(({ name }) => name === `POST ${subscriptions}`) ?? {};
  const url = (body as { Destination: string }).Destination;
  for (const [index, [title, sent]] of Object.entries(bodies).entries()) {
    const headers = { 'content-type': 'application/json' };
    const reply = await fetch(url, { method: 'POST', headers, body: JSON.stringify(sent) });
    assert.deepEqual([reply.status, heard()], [200, index + 1], title);
  }
}

const [root, system, subscriptions] = ['/redfish/v1', '/redfish/v1/Systems/1', '/redfish/v1/EventService/Subscriptions'] as const;
const eventService: Script = {
  [`GET ${root}/`]: {
    body: { Systems: { '@odata.id': `${root}/Systems` }, EventService: { '@odata.id': `${root}/EventService` } },
  },
  [`GET ${root}/Systems`]: { body: { Members: [{ '@odata.id': system }] } },
  [`GET ${system}`]: { body: { '@odata.id': system, PowerState: 'On' } },
  [`GET ${root}/EventService`]: { body: { Subscriptions: { '@odata.id': subscriptions } } },
  [`GET ${subscriptions}`]: { body: { Members: [] } },
  [`POST ${subscriptions}`]: { status: 201, headers: { location: `${subscriptions}/1` }, body: {} },
  [`DELETE ${subscriptions}/1`]: { status: 204 },
};
