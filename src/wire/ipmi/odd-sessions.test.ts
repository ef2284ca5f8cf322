/** BMCs with session quirks: FreeIPMI and ipmitool need a workaround flag for each, our client detects them. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { type Bmc, startBmc } from '#lab/bmc/bmc.ts';
import type { BmcProfile } from '#lab/bmc/bmc-profile.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { freeipmi, ipmitool, withoutFreeipmi } from '#test/captures/ipmi-tools.ts';
import { decodeOpenSessionRequest, encodeFailure, type OpenSessionRequest } from '../rmcp/rakp.ts';
import { decodePlainPacket, encodePlainPacket, isSessionPacket, peekSession } from '../rmcp/session-packet.ts';
import type { Datagrams } from '../udp/datagrams.ts';
import { openSharedUdp } from '../udp/shared-udp.ts';
import { getDeviceId } from './app-commands.ts';
import { openIpmiClient } from './client.ts';
import type { Privilege } from './command.ts';
import { IpmiError } from './ipmi-error.ts';
import { defaultTimings, type Timings } from './timings.ts';

type Leniency = BmcProfile['oddSessions'][number];
/** No retransmissions, even on a slow machine. */
const calm: Timings = { ...defaultTimings, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000, deadline: 20_000 };
const user = { name: 'admin', password: 'secret' };

type Fixture = {
  readonly bmc: Bmc;
  readonly udp: Datagrams;
  readonly opened: () => number;
  /** Closed before the BMC, which answers that their sessions are closed. */
  readonly clients: { close(): Promise<void> }[];
  request(password?: string): Promise<unknown>;
};

type Staging = { oddSessions: Leniency[]; suite: 3 | 17; privilege?: Privilege };

async function setUp(t: TestContext, { oddSessions, suite: id, privilege = 'administrator' }: Staging): Promise<Fixture> {
  let opened = 0;
  const bmc = await startBmc({
    address: '127.0.0.1',
    port: 0,
    users: [user],
    chassis: createMemoryChassis(),
    profile: { oddSessions, cipherSuites: [id] },
    onCommand: ({ command }) => {
      if (command === 'Set Session Privilege Level') opened += 1;
    },
  });
  const udp = openSharedUdp();
  const clients: Fixture['clients'] = [];
  t.after(async () => {
    for (const client of clients) await client.close();
    udp.close();
    await bmc.close();
  });
  const request = (password = user.password) => {
    const login = { user: user.name, password, privilege };
    const client = openIpmiClient({ address: '127.0.0.1', port: bmc.port, ...login }, udp, calm);
    clients.push(client);
    return client.request(getDeviceId, {});
  };
  return { bmc, udp, clients, opened: () => opened, request };
}

/** The workaround flags of the other tools. */
const flagTable: Readonly<Partial<Record<Leniency, { tool: 'ipmitool' | 'FreeIPMI'; options: string }>>> = {
  opensesspriv: { tool: 'FreeIPMI', options: '-W opensesspriv' },
  supermicro20: { tool: 'FreeIPMI', options: '-W supermicro20' },
  nochecksumcheck: { tool: 'FreeIPMI', options: '-W nochecksumcheck' },
  intelplus: { tool: 'ipmitool', options: '-o intelplus' },
};

/** Short timeouts for a tool without its flag. */
const soon = '--session-timeout=1000 --retransmission-timeout=250';

async function isAnswered(oddity: Leniency, port: number, options: string): Promise<boolean> {
  const login = { port, user: user.name, password: user.password, suite: 3 };
  if (flagTable[oddity]?.tool === 'FreeIPMI') {
    return (await freeipmi(login, `bmc-info --get-device-id ${options || soon}`)).stdout.includes('Device ID');
  }
  const result = await ipmitool({ ...login, options: options.split(' ').filter(Boolean) }, 'mc info');
  return result.stdout.includes('Device ID');
}

for (const oddity of Object.keys(flagTable) as Leniency[]) {
  suite(`a BMC of the kind ${oddity}`, () => {
    for (const id of [3, 17] as const) {
      test(`our client opens a session, cipher suite ${id}`, async (t) => {
        const { request, opened } = await setUp(t, { oddSessions: [oddity], suite: id });

        assert.ok(await request());
        assert.equal(opened(), 1);
      });
    }

    test('our client as an operator', async (t) => {
      const { request } = await setUp(t, { oddSessions: [oddity], suite: 17, privilege: 'operator' });

      assert.ok(await request());
    });

    test('a wrong password is still reported as such', async (t) => {
      const { request } = await setUp(t, { oddSessions: [oddity], suite: 3 });

      await assert.rejects(request('other'), (error) => error instanceof IpmiError && error.failure === 'refused');
    });

    test(`${flagTable[oddity]?.tool} needs ${flagTable[oddity]?.options}`, {
      skip: withoutIpmitool || withoutFreeipmi,
    }, async (t) => {
      const { bmc } = await setUp(t, { oddSessions: [oddity], suite: 3 });

      assert.equal(await isAnswered(oddity, bmc.port, flagTable[oddity]?.options ?? ''), true);
      if (oddity !== 'intelplus') assert.equal(await isAnswered(oddity, bmc.port, ''), false);
    });
  });
}

for (const status of [0x01, 0x0a, 0x11, 0x12]) {
  test(`cipher suite 17 disabled, reported by status ${status}: tries the next one`, async (t) => {
    const { bmc, udp, clients } = await setUp(t, { oddSessions: [], suite: 3 });
    bmc.setBmcProfile({ cipherSuites: [17, 3] });
    const asked: number[] = [];
    const refusing: Datagrams = {
      async connect(peer, receive) {
        const socket = await udp.connect(peer, receive);
        const send = (packet: Uint8Array) => {
          const request = readOpening(packet);
          if (!request) return socket.send(packet);
          asked.push(request.algorithms.authentication);
          if (request.algorithms.authentication === 1) return socket.send(packet);
          const refusal = encodeFailure({ tag: request.tag, status, session: request.consoleSession });
          setImmediate(() => receive(encodePlainPacket('openSessionResponse', refusal)));
        };
        return { send, close: () => socket.close() };
      },
    };
    const login = { user: user.name, password: user.password, privilege: 'administrator' } as const;
    const client = openIpmiClient({ address: '127.0.0.1', port: bmc.port, ...login }, refusing, calm);
    clients.push(client);

    assert.ok(await client.request(getDeviceId, {}));

    assert.deepEqual(asked, [3, 1]);
  });
}

function readOpening(packet: Uint8Array): OpenSessionRequest | undefined {
  if (!isSessionPacket(packet) || peekSession(packet) !== 0) return undefined;
  const { type, payload } = decodePlainPacket(packet);
  return type === 'openSessionRequest' ? decodeOpenSessionRequest(payload) : undefined;
}
