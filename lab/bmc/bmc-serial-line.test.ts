/** The machine's serial line through the BMC (SOL): with our client, ipmitool and FreeIPMI's ipmiconsole. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { suite, type TestContext, test } from 'node:test';
import { withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { getChassisStatus } from '#wire/ipmi/chassis-commands.ts';
import { openIpmiClient } from '#wire/ipmi/client.ts';
import { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { openSerialLine, type SerialLine } from '#wire/ipmi/sol-stream.ts';
import { defaultTimings } from '#wire/ipmi/timings.ts';
import { listenUdp } from '#wire/udp/datagrams.ts';
import { openSharedUdp } from '#wire/udp/shared-udp.ts';
import { type BmcOptions, startBmc } from './bmc.ts';
import { createMemoryChassis } from './memory-chassis.ts';

/** For a lossy network. */
const quick = { ...defaultTimings, firstWait: 30, shortestWait: 30, longestWait: 100, deadline: 10_000 };
/** No retransmissions, however slow this machine is. */
const calm = { ...quick, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000 };
const login = { user: 'admin', password: 'secret', privilege: 'administrator' } as const;

/** A machine that prints a greeting and echoes all input in capitals. */
function createEcho(breaks: string[]): Duplex & { sendBreak(): void } {
  const echo = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      echo.push(chunk.toString().toUpperCase());
      done();
    },
  });
  echo.push('login: ');
  return Object.assign(echo, { sendBreak: () => void breaks.push('break') });
}

type FixtureOptions = { timings?: typeof calm; address?: string; port?: number } & Pick<BmcOptions, 'listen' | 'onCommand'>;

async function setUp(t: TestContext, { timings = calm, address = '127.0.0.1', port = 0, ...more }: FixtureOptions = {}) {
  const breaks: string[] = [];
  const chassis = { ...createMemoryChassis(), openConsole: () => createEcho(breaks) };
  const users = [{ name: login.user, password: login.password }];
  const bmc = await startBmc({ address, port, users, chassis, ...more });
  const datagrams = openSharedUdp();
  const lines: SerialLine[] = [];
  const open = async (options: { takeOver?: boolean; signal?: AbortSignal } = {}) => {
    const line = await openSerialLine({ address, port: bmc.port, ...login }, { datagrams, timings, ...options });
    line.on('error', () => {});
    lines.push(line);
    return line;
  };
  t.after(async () => {
    await Promise.all(lines.filter(({ closed }) => !closed).map((line) => once(line.destroy(), 'close')));
    datagrams.close();
    await bmc.close();
  });
  return { bmc, open, breaks, datagrams };
}

/** Reads until all of `text` has arrived. */
async function hear(line: Duplex, text: string): Promise<string> {
  let heard = '';
  for (;;) {
    heard += line.read() ?? '';
    if (heard.includes(text)) return heard;
    await once(line, 'readable');
  }
}

suite('our client on the serial line', () => {
  test('receives output and sends input', async (t) => {
    const { open } = await setUp(t);
    const line = await open();
    assert.equal(await hear(line, 'login: '), 'login: ');

    line.write('root\r');

    assert.equal(await hear(line, 'ROOT\r'), 'ROOT\r');
  });

  test('loses, doubles and reorders nothing although packets get lost', async (t) => {
    const { open, bmc } = await setUp(t, { timings: quick });
    const line = await open();
    await hear(line, 'login: ');
    bmc.setBmcProfile({ dropRate: 0.08 });
    const text = Array.from({ length: 400 }, (_, at) => `line ${at}\n`).join('');

    line.write(text);

    assert.equal(await hear(line, 'LINE 399\n'), text.toUpperCase());
    bmc.setBmcProfile({ dropRate: 0 });
  });

  test('does not block commands', async (t) => {
    const { open, bmc, datagrams } = await setUp(t);
    const line = await open();
    const client = openIpmiClient({ address: '127.0.0.1', port: bmc.port, ...login }, datagrams, calm);

    assert.equal((await client.request(getChassisStatus, {})).power.on, false);
    line.write('still there');

    await hear(line, 'STILL THERE');
    assert.equal(bmc.sessionCount, 2);
    await client.close();
  });

  test('sends a break', async (t) => {
    const { open, breaks } = await setUp(t);
    const line = await open();
    line.sendBreak();
    line.write('after');
    await hear(line, 'AFTER');
    assert.deepEqual(breaks, ['break']);
  });

  test('releases line and session when it is closed', async (t) => {
    const { open, bmc } = await setUp(t);
    await once((await open()).destroy(), 'close');
    assert.equal(bmc.sessionCount, 0);
    await hear(await open(), 'login: ');
  });

  test('reports a line in use, and takes it over on request', async (t) => {
    const { open } = await setUp(t);
    const first = await open();
    const refused = await open().catch((error: unknown) => error);
    assert.ok(refused instanceof IpmiError);
    assert.match(refused.detail, /in use by another session/);
    const ended = once(first, 'error');

    const second = await open({ takeOver: true });

    await hear(second, 'login: ');
    assert.match(String((await ended)[0]), /the BMC deactivated it/);
    second.write('mine now');
    assert.equal(await hear(second, 'MINE NOW'), 'MINE NOW');
  });

  test('closes on request, and when the BMC disappears', async (t) => {
    const { open, bmc } = await setUp(t, { timings: quick });
    const given = new AbortController();
    const line = await open({ signal: given.signal });
    const ended = once(line, 'error');
    given.abort(new Error('no longer wanted'));
    assert.match(String((await ended)[0]), /no longer wanted/);

    const lost = await open();
    bmc.setBmcProfile({ silent: true });
    const silence = once(lost, 'error');
    lost.write('anybody?');
    assert.match(String((await silence)[0]), /not acknowledged/);
    bmc.setBmcProfile({ silent: false });
  });

  test('reports a machine without a serial line', async (t) => {
    const users = [{ name: login.user, password: login.password }];
    const bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis: createMemoryChassis() });
    t.after(() => bmc.close());
    const opening = openSerialLine(
      { address: '127.0.0.1', port: bmc.port, ...login },
      { datagrams: openSharedUdp(), timings: calm },
    );
    await assert.rejects(opening, (error) => error instanceof IpmiError && /disabled in the BMC/.test(error.detail));
  });
});

/**
 * Payload types of a session's packets, IPMI 2.0 rev 1.1 table 13-16: their position in the packet, the value of SOL.
 */
const [typeOffset, typeBits, serialLine] = [5, 0x3f, 1];

/** The BMC sends the response to SOL activation only after the first output of the machine. */
function aLateAnswer(sent: number[]): Pick<BmcOptions, 'listen' | 'onCommand'> {
  let isNext = false;
  let late: (() => void) | undefined;
  return {
    onCommand: ({ command }) => {
      isNext = command === 'Activate Payload';
    },
    listen: async (at, receive) => {
      const server = await listenUdp(at, receive);
      const sendNow: typeof server.send = (packet, to) => {
        sent.push((packet[typeOffset] ?? 0) & typeBits);
        server.send(packet, to);
      };
      const send: typeof server.send = (packet, to) => {
        if (isNext) late = () => sendNow(packet, to);
        else sendNow(packet, to);
        if (!isNext) late = void late?.();
        isNext = false;
      };
      return { ...server, send };
    },
  };
}

// https://github.com/ipmitool/ipmitool/issues/254
test('receives output sent before the BMC has confirmed the activation', async (t) => {
  const sent: number[] = [];
  const { open } = await setUp(t, aLateAnswer(sent));
  const line = await open();

  assert.equal(await hear(line, 'login: '), 'login: ');
  line.write('root');
  await hear(line, 'ROOT');

  const first = sent.indexOf(serialLine);
  assert.equal(sent[first + 1], 0, 'the answer came second');
});

/** Runs a program on its own terminal, types when an expected text appears, and returns all output. */
async function onTerminal(
  command: readonly string[],
  exchanges: readonly (readonly [see: string, type: string])[],
): Promise<string> {
  const quoted = command.map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', quoted, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'vt100' },
  });
  let printed = '';
  let at = 0;
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  child.stdout.on('data', (part: Buffer) => {
    printed += part;
    const [see, type] = exchanges[at] ?? [];
    if (see === undefined || type === undefined || !printed.includes(see)) return;
    at += 1;
    child.stdin.write(type);
  });
  await once(child, 'close');
  clearTimeout(timer);
  return printed;
}

suite('ipmitool on the serial line', { skip: withoutIpmitool }, () => {
  test('hears the machine, types to it, sends a break and leaves', async (t) => {
    const { bmc, breaks } = await setUp(t);
    const options = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(bmc.port), '-U', login.user, '-P', login.password];

    const printed = await onTerminal(
      ['ipmitool', ...options, 'sol', 'activate'],
      [
        ['login: ', 'root'],
        ['ROOT', '\r~B'],
        ['[send break]', 'x'],
        ['X', '\r~.'],
      ],
    );

    assert.match(printed, /SOL Session operational.*login: .*ROOT.*terminated ipmitool/s);
    assert.deepEqual(breaks, ['break']);
    assert.equal(bmc.sessionCount, 0);
  });
});

function ipmiconsoleLack(): string | false {
  if (!existsSync('/usr/sbin/ipmiconsole')) return 'ipmiconsole is not installed (Debian package freeipmi-tools)';
  return process.getuid?.() === 0 ? false : 'ipmiconsole knows port 623 alone, which only root can serve';
}

suite('ipmiconsole on the serial line', { skip: ipmiconsoleLack() }, () => {
  test('hears the machine, types to it and leaves', async (t) => {
    const address = `127.77.${1 + (process.pid % 200)}.${1 + (Math.floor(process.pid / 200) % 200)}`;
    await setUp(t, { address, port: 623 });
    const options = ['-h', address, '-u', login.user, '-p', login.password];

    const printed = await onTerminal(
      ['/usr/sbin/ipmiconsole', ...options],
      [
        ['login: ', 'root'],
        ['ROOT', '&.'],
      ],
    );

    assert.match(printed, /SOL established.*login: .*ROOT/s);
  });
});
