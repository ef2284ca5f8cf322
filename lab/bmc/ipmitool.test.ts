/**
 * The unmodified ipmitool drives the virtual BMC: without delay or retries, with the right message for each failure.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, before, suite, test } from 'node:test';
import { withoutIpmitool } from '#test/captures/ipmi-sim.ts';
import { startUdpRelay, type UdpRelay } from '#test/captures/udp-relay.ts';
import { type Bmc, startBmc } from './bmc.ts';
import { defaultBmcProfile } from './bmc-profile.ts';
import { createMemoryChassis } from './memory-chassis.ts';

const users = [
  { name: 'admin', password: 'secret' },
  { name: 'open', password: '' },
  { name: 'op', password: 'exactly-twenty-bytes', privilege: 'operator' },
] as const;

type Result = { code: number; stdout: string; stderr: string };

function ipmitool(port: number, command: string, options: string[] = []): Promise<Result> {
  const login = options.includes('-U') ? [] : ['-U', 'admin', '-P', 'secret'];
  // A machine under load responds late; that must not count as a need for retries.
  const args = ['-I', 'lanplus', '-N', '10', '-H', '127.0.0.1', '-p', String(port), ...login, ...options, ...command.split(' ')];
  return new Promise((resolve) => {
    execFile('ipmitool', args, { timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr });
    });
  });
}

for (const suiteOptions of [[], ['-C', '3'], ['-C', '17']]) {
  suite(`ipmitool ${suiteOptions.join(' ') || 'with its own choice of cipher suite'}`, { skip: withoutIpmitool }, () => {
    const chassis = createMemoryChassis();
    let bmc: Bmc;
    let relay: UdpRelay;
    const run = (command: string) => ipmitool(relay.port, command, suiteOptions);
    before(async () => {
      bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis });
      relay = await startUdpRelay(bmc.port);
    });
    after(async () => {
      relay.close();
      await bmc.close();
    });

    const cases: readonly [string, RegExp][] = [
      ['chassis status', /System Power +: off/],
      ['power on', /^Chassis Power Control: Up\/On$/m],
      ['power status', /^Chassis Power is on$/m],
      ['power cycle', /Cycle/],
      ['power reset', /Reset/],
      ['chassis bootdev pxe', /Set Boot Device to pxe/],
      ['chassis bootparam get 5', /Boot Flag Valid\n.*only next boot\n.*legacy.*\n.*Force PXE/],
      ['chassis bootdev disk options=persistent', /Set Boot Device to disk/],
      ['chassis bootparam get 5', /Boot Flag Valid\n.*all future boots\n.*\n.*Force Boot from default Hard-Drive/],
      ['chassis bootdev pxe options=efiboot', /Set Boot Device to pxe/],
      ['chassis bootparam get 5', /BIOS EFI boot/],
      ['chassis bootdev none', /Set Boot Device to none/],
      ['power soft', /Soft/],
      ['power on', /Up\/On/],
      ['power off', /Down\/Off/],
      ['power status', /^Chassis Power is off$/m],
      ['mc info', /IPMI Version +: 2.0/],
      ['mc guid', /System GUID/],
      ['lan print 1', /IP Address +: 127.0.0.1/],
      ['channel info 1', /802.3 LAN/],
      ['channel authcap 1 4', /supports IPMI v2.0 : yes/],
      ['channel getciphers ipmi 1', /17 .*\n3 /],
      ['user list 1', /2 +admin .*ADMINISTRATOR\n3 +open .*\n4 +op .*OPERATOR/],
    ];
    for (const [index, [command, expected]] of cases.entries()) {
      test(`${index + 1}: ${command}`, async () => {
        const before = relay.passed.length;

        const { code, stdout, stderr } = await run(command);

        assert.deepEqual([code, stderr], [0, '']);
        assert.match(stdout, expected);
        const sent = relay.passed.slice(before);
        const toBmc = sent.filter(({ direction }) => direction === 'to-bmc').length;
        assert.equal(toBmc * 2, sent.length, 'each packet has its answer, none was repeated');
        assert.equal(bmc.sessionCount, 0);
      });
    }

    test('the machine booted from the requested device', () => {
      assert.equal(chassis.power(), 'off');
      assert.equal(chassis.boots.length, 4);
    });
  });
}

suite('ipmitool with a BMC that rejects requests', { skip: withoutIpmitool }, () => {
  const chassis = createMemoryChassis();
  let bmc: Bmc;
  const run = (command: string, options: string[] = []) => ipmitool(bmc.port, command, options);
  before(async () => {
    bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis });
  });
  afterEach(() => bmc.setBmcProfile(defaultBmcProfile));
  after(() => bmc.close());

  test('a wrong password', async () => {
    const { code, stderr } = await run('chassis status', ['-v', '-U', 'admin', '-P', 'wrong']);
    assert.equal(code, 1);
    assert.match(stderr, /RAKP 2 HMAC is invalid/);
  });

  test('a password that the BMC refuses', async () => {
    bmc.setBmcProfile({ refusePassword: true });
    assert.match((await run('chassis status', ['-v'])).stderr, /RAKP 2 HMAC is invalid/);
  });

  test('an unknown user', async () => {
    const { stderr } = await run('chassis status', ['-v', '-U', 'nobody', '-P', 'secret']);
    assert.match(stderr, /RAKP 2 message indicates an error : unauthorized name/);
  });

  test('more privilege than the user has', async () => {
    const options = ['-U', 'op', '-P', 'exactly-twenty-bytes'];
    assert.match((await run('chassis status', ['-v', ...options])).stderr, /unauthorized role/);
    assert.equal((await run('chassis status', [...options, '-L', 'OPERATOR'])).code, 0);
  });

  test('too little privilege for the command', async () => {
    assert.match((await run('power on', ['-L', 'USER'])).stderr, /Insufficient privilege level/);
    assert.equal(chassis.power(), 'off');
  });

  test('an empty password', async () => {
    assert.equal((await run('chassis status', ['-U', 'open', '-P', ''])).code, 0);
  });

  test('cipher suite 0, which needs no password', async () => {
    assert.match((await run('chassis status', ['-C', '0'])).stderr, /no matching cipher suite/);
  });

  test('cipher suites that sign or encrypt nothing', async () => {
    for (const id of ['1', '2', '15', '16']) {
      assert.match((await run('chassis status', ['-C', id])).stderr, /no matching cipher suite/, id);
    }
  });

  test('a BMC without suite 17', async () => {
    bmc.setBmcProfile({ cipherSuites: [3] });
    assert.match((await run('chassis status', ['-C', '17'])).stderr, /no matching cipher suite/);
    assert.equal((await run('chassis status')).code, 0);
  });

  test('no more sessions', async () => {
    bmc.setBmcProfile({ sessionLimit: 0 });
    assert.match((await run('chassis status', ['-C', '3'])).stderr, /insufficient resources/);
  });

  test('an old-style session', async () => {
    const { code, stderr } = await run('chassis status', ['-I', 'lan']);
    assert.equal(code, 1);
    assert.match(stderr, /Unable to establish/);
  });
});
