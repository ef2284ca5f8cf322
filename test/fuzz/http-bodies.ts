/** Bodies to every route that accepts one: the public API, and requests of machines and BMCs to the boot server. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Value } from 'typebox/value';
import { CleanResult, Command, WriteConfigDrive, WriteImage, WriteImageResult } from '#agent-protocol/messages.ts';
import { routes } from '#agent-protocol/routes.ts';
import { createDeployHelper } from '#boot-server/deploy-helper.ts';
import { createHttp } from '#boot-server/http.ts';
import { MachineAddresses } from '#boot-server/machine-addresses.ts';
import { Plans } from '#boot-server/plans.ts';
import { aRecordingEngine, knownToken } from '#test/a-recording-engine.ts';
import { contentTypes, type FullApi, openFullApi } from './api-requests.ts';
import { pick, type Roll } from './dice.ts';
import { mutateJsonText } from './json-mutations.ts';
import { mutateBytes, randomBytes } from './mutations.ts';
import { type Fixture, readerTarget, type Target, type Verdict } from './target.ts';

/** The other parameters of an input are bytes before the body, so that it can be replayed alone. */
const headBytes = 3;
const novaVersions = ['2.1', '2.90', '2.37'];
const ironicVersions = ['1.115', '1.78', 'latest', '1.93'];
/** Requests after which all started work must have ended. */
const quietEvery = 40;

/** The row of the request, the content type, the version; then the body. */
export function createApiFixture({ fixture, requestTable }: FullApi): Fixture {
  let requests = 0;
  return {
    make(roll) {
      const row = roll(requestTable.length);
      const [method, url, body] = requestTable[row] as FullApi['requestTable'][number];
      const usual = url.startsWith('/image') && method === 'PATCH' ? 1 : 0;
      const head = Buffer.of(row, roll(20) === 0 ? roll(contentTypes.length) : usual, roll(256));
      return Buffer.concat([head, mutateJsonText(body, roll)]);
    },
    async feed(input) {
      const [row = 0, type = 0, version = 0] = input;
      const [method, url] = requestTable[row % requestTable.length] as FullApi['requestTable'][number];
      const headers = {
        'content-type': contentTypes[type % contentTypes.length],
        'x-openstack-nova-api-version': novaVersions[version % novaVersions.length],
        'x-openstack-ironic-api-version': ironicVersions[version % ironicVersions.length],
      };
      const reply = await fixture.ask({ method, url, headers, payload: input.subarray(headBytes) });
      // Requested work must not fail behind the API either.
      if (++requests % quietEvery === 0) await fixture.quiet();
      return judgeReply(`${method} ${url}`, reply.status, reply.body);
    },
    close: () => fixture.close(),
  };
}

/** @throws for an internal error, and for an error response without a message */
export function judgeReply(request: string, status: number, body: unknown): Verdict {
  if (status < 400) return { read: true };
  const reason = textIn(body);
  if (status === 500) throw new Error(`${request} was answered with 500: ${reason}`);
  if (reason.length < 5 || reason.length > 20_000)
    throw new Error(`${request} was refused (${status}) with '${reason.slice(0, 200)}'`);
  return { read: false, reason };
}

/** The longest text in an error, in the format of any of the services. */
function textIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value)
    .map(textIn)
    .reduce((one, other) => (other.length > one.length ? other : one), '');
}

const apiTarget: Target = {
  ...{ name: 'public api, json bodies', share: 6, slowMs: 1_500, grows: true },
  open: async () => createApiFixture(await openFullApi()),
};

const disk = {
  ...{ device: '/dev/sda', size_bytes: 1e9, model: 'm', serial: 's', rotational: false, removable: false },
  ...{ discard_max_bytes: 0, write_zeroes_max_bytes: 0 },
};
const nic = { name: 'eth0', mac: '52:54:00:00:00:01', driver: 'virtio', link: true, speed_mbps: null, address: null };
const inventory = {
  cpu: { count: 1, model: 'm', architecture: 'x86_64', flags: ['vmx'] },
  ...{ memory_bytes: 1e9, disks: [disk], nics: [nic] },
  system: { vendor: 'v', product: 'p', serial: 's', uuid: 'u' },
  firmware: { mode: 'bios', version: '1' },
};
const hello = {
  ...{ protocol: 2, instance: 'the-instance-of-one-agent', agent_version: '1', uptime_seconds: 3, kernel: '6.1' },
  ...{ boot_mac: nic.mac, address: '172.30.0.9', inventory },
};
const event = {
  '@odata.type': '#Event.v1_7_0.Event',
  Events: [{ MessageId: 'ResourceEvent.1.0.ResourceChanged', EventType: 'Alert' }],
};

const machineTable: readonly (readonly [url: string, body: unknown])[] = [
  [routes.hello, hello],
  [routes.next, { wait_seconds: 0 }],
  [routes.progress, { command_id: 'c', done_bytes: 1, total_bytes: 2, message: 'm' }],
  [routes.result, { command_id: 'c', ok: true, result: { device: '/dev/sda' }, error: 'e' }],
  [routes.log, { lines: ['a', 'b'] }],
  ['/redfish-events/known', event],
  ['/redfish-events/unknown', event],
];
const tokens = [`Bearer ${knownToken}`, 'Bearer other', '', 'Basic x', `Bearer ${'x'.repeat(300)}`];
const silent = { debug() {}, info() {}, warn() {}, error() {} } as never;

const bootServerTarget: Target = {
  ...{ name: 'boot server, machines and bmcs', share: 5, slowMs: 500 },
  async open() {
    const engine = aRecordingEngine();
    engine.command = { id: 'c', name: 'write-image', params: {} };
    const plans = new Plans(undefined);
    const parts: Parameters<typeof createHttp>[0] = {
      ...{
        engine,
        plans,
        addresses: new MachineAddresses({ plans, isServed: false }),
        tftpRoot: '/nonexistent',
        report: () => {},
        log: silent,
      },
      images: {
        disk: async () => Promise.reject(new Error('no image is asked for')),
        extents: async () => Promise.reject(new Error('no image is asked for')),
      },
      eventTaker: (token) => (token === 'known' ? () => {} : undefined),
    };
    const app = createHttp(parts, 'all');
    await app.ready();
    return {
      make(roll) {
        const row = roll(machineTable.length);
        const head = Buffer.of(row, roll(10) === 0 ? roll(contentTypes.length) : 0, roll(10) === 0 ? roll(tokens.length) : 0);
        return Buffer.concat([head, mutateJsonText(machineTable[row]?.[1], roll)]);
      },
      async feed(input) {
        const [row = 0, type = 0, token = 0] = input;
        const [url = ''] = machineTable[row % machineTable.length] ?? [];
        const authorization = tokens[token % tokens.length] ?? '';
        const headers = { 'content-type': contentTypes[type % contentTypes.length], authorization };
        const before = engine.heard.length;
        const reply = await app.inject({ method: 'POST', url, headers, payload: input.subarray(headBytes) });
        const isHeard = engine.heard.splice(0).length > before;
        if (isHeard && authorization !== tokens[0]) throw new Error('a message without its token was heard');
        if (reply.statusCode < 300 && url.endsWith('/unknown')) throw new Error('an event without its token was taken');
        return judgeReply(url, reply.statusCode, reply.body === '' ? '' : reply.json());
      },
      close: () => app.close(),
    };
  },
};

const form = 'i=44444444-4444-4444-8444-444444444444&k=right&a=172.30.0.9&n=iqn.2026-01.org.example%3Ax&p=3260&l=1&e=none';

/** Over loopback, since it is a separate server. */
const deployHelperTarget: Target = {
  ...{ name: 'classic deploy helper, forms', share: 0.6, slowMs: 500 },
  async open() {
    const engine = aRecordingEngine();
    const server = createDeployHelper({
      engine,
      addresses: new MachineAddresses({ plans: new Plans(undefined), isServed: false }),
      report: () => {},
      log: silent,
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      make: (roll) => (roll(20) === 0 ? randomBytes(roll(500), roll) : mutateForm(roll)),
      async feed(input) {
        const { status, text } = await post(port, input);
        const [heard] = engine.heard.splice(0);
        const fields = (heard?.args[0] ?? {}) as Record<string, string>;
        if (status === 200 && fields['k'] !== 'right') throw new Error('a form with another key was taken');
        if (Object.values(fields).some((value) => /\p{Cc}/u.test(value))) throw new Error('control characters were let through');
        return judgeReply('POST /', status, text);
      },
      async close() {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    };
  },
};

function mutateForm(roll: Roll): Buffer {
  if (roll(3) > 0) return mutateBytes(Buffer.from(form), roll);
  const parts = form.split('&');
  return Buffer.from(Array.from({ length: roll(12) }, () => pick(parts, roll)).join(pick(['&', '&', ';', '&&'], roll)));
}

async function post(port: number, body: Buffer): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const request = httpRequest(
    { host: '127.0.0.1', port, method: 'POST', headers: { 'content-length': body.length } },
    async (reply) => {
      const chunks: Buffer[] = [];
      for await (const chunk of reply) chunks.push(chunk as Buffer);
      resolve({ status: reply.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
    },
  );
  request.on('error', reject).end(body);
  return await promise;
}

const schemas = [WriteImage, WriteImageResult, WriteConfigDrive, CleanResult, Command];
const messages = [
  { path: '/x', sha256: 'a', size: 1, virtual_size: 1, root_device: { name: '/dev/sda' }, minimum_bytes: 1 },
  { device: '/dev/sda', data_bytes: 1, skipped_bytes: 1, seconds: 1 },
  { path: '/x', sha256: 'a', size: 1, device: '/dev/sda' },
  { disks: [{ device: '/dev/sda', size_bytes: 1, method: 'discard', seconds: 1 }] },
  { id: '1', name: 'clean', params: {} },
];

/** Validates it against the schemas of the agent's commands and results; the first byte selects the schema. */
const agentMessageTarget = readerTarget({
  ...{ name: 'agent messages', share: 4, refuses: (error) => /^no message: /.test(error.message) },
  seeds: () => messages.map((message, at) => Buffer.concat([Buffer.of(at), Buffer.from(JSON.stringify(message))])),
  mutate: (_, roll) => {
    const at = roll(messages.length);
    return Buffer.concat([Buffer.of(at), mutateJsonText(messages[at], roll)]);
  },
  read(input) {
    const schema = schemas[(input[0] ?? 0) % schemas.length] ?? Command;
    let value: unknown;
    try {
      value = JSON.parse(input.toString('utf8', 1));
    } catch {
      throw new Error('no message: it is no JSON');
    }
    const [wrong] = Value.Errors(schema, value);
    if (wrong) throw new Error(`no message: ${wrong.instancePath.slice(0, 100)} ${wrong.message}`);
    if (!Value.Check(schema, value)) throw new Error('two verdicts on one message');
  },
});

export const httpTargets: readonly Target[] = [apiTarget, bootServerTarget, deployHelperTarget, agentMessageTarget];
