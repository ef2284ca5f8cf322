/**
 * Third-party programs test the Redfish front end: OpenStack's sushy and DMTF's redfishtool as clients (Debian packages
 * python3-sushy and redfishtool), and DMTF's Redfish Service Validator, which checks every resource against its schema.
 * The validator is not in Debian: it runs when REFEREE_REDFISH_VALIDATOR names a folder with its checkout, a
 * `venv/bin/python3` with its dependencies, and `schemas/` with DMTF's CSDL files.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BmcProfileChanges } from '../bmc-profile.ts';
import { createBmcModel } from '../create-bmc-model.ts';
import { createMemoryChassis } from '../memory-chassis.ts';
import { ensureCertificate } from './certificate.ts';
import { startRedfishService } from './redfish-service.ts';

const run = promisify(execFile);
const login = { user: 'admin', password: 'password1' };
const sushyReferee = fileURLToPath(new URL('sushy-referee.py', import.meta.url));
const withoutSushy = existsSync('/usr/lib/python3/dist-packages/sushy') ? false : 'needs the Debian package python3-sushy';
const withoutRedfishtool = existsSync('/usr/bin/redfishtool') ? false : 'needs the Debian package redfishtool';
const validator = process.env['REFEREE_REDFISH_VALIDATOR'];
const withoutValidator = validator ? false : 'needs REFEREE_REDFISH_VALIDATOR, a folder with the Redfish Service Validator';

async function aService(t: TestContext, profile: BmcProfileChanges = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-redfish-'));
  const files = createServer((_, reply) => reply.end('a medium')).listen(0, '127.0.0.1');
  await once(files, 'listening');
  const users = [{ name: login.user, password: login.password, privilege: 'administrator' }] as const;
  const errors: unknown[] = [];
  const bmcModel = createBmcModel({ chassis: createMemoryChassis(), users, media: ['cdrom', 'floppy'] });
  const certificate = ensureCertificate(folder, { name: 'bmc', address: '127.0.0.1' });
  const onError = (error: unknown) => void errors.push(error);
  const options = { address: '127.0.0.1', port: 0, bmcModel, profile, mediaFolder: folder, tls: certificate, onError };
  const service = await startRedfishService(options);
  t.after(async () => {
    files.close();
    await service.close();
    rmSync(folder, { recursive: true });
    assert.deepEqual(errors, []);
  });
  return { service, bmcModel, folder, mediumUrl: `http://127.0.0.1:${(files.address() as AddressInfo).port}/live.iso` };
}

for (const auth of ['session', 'basic']) {
  test(`works with sushy, by ${auth}`, { skip: withoutSushy }, async (t) => {
    const { service, mediumUrl, folder } = await aService(t, { redfish: { volumes: 'Immediate', taskMs: 50 } });
    const trust = { REQUESTS_CA_BUNDLE: join(folder, 'bmc.crt') };
    const access = { SERVICE_USER: login.user, SERVICE_PASSWORD: login.password, AUTH: auth };
    const env = { ...process.env, ...access, ...trust, MEDIUM_URL: mediumUrl };

    const { stdout } = await run('/usr/bin/python3', ['-W', 'ignore', sushyReferee, service.url], { env, timeout: 60_000 });

    const { 'reset types': resets, 'boot targets': targets, temperatures, fans, sessions, bios, ...seen } = JSON.parse(stdout);
    assert.deepEqual(seen, {
      'power at first': 'Off',
      'power after On': 'On',
      'power after ForceOff': 'Off',
      'boot target': 'Pxe',
      'boot enabled': 'Once',
      'boot mode': 'UEFI',
      'boot enabled after the boot': 'Disabled',
      'http boot': 'UefiHttp',
      indicator: 'Lit',
      'pending bios': 'Disabled',
      'bios after the restart': 'Disabled',
      'secure boot': false,
      'secure boot after': true,
      media: ['Cd', 'Floppy'],
      inserted: [true, mediumUrl],
      ejected: false,
      'apply times': ['Immediate'],
      volumes: [['root', 'RAID1', 10 ** 9]],
      'volumes left': 0,
      firmware: ['BIOS', 'BMC', 'NIC'],
    });
    assert.deepEqual([resets.length, targets.length, fans, bios.ProcTurboMode], [9, 10, 3, 'Enabled']);
    assert.deepEqual(temperatures, ['CPU1 Temp', 'CPU2 Temp', 'Inlet Temp']);
    assert.equal(sessions, auth === 'session' ? 1 : undefined);
    assert.equal(service.sessionCount, 0);
  });
}

test('works with redfishtool', { skip: withoutRedfishtool }, async (t) => {
  const { service, bmcModel } = await aService(t);
  const host = service.url.replace('https://', '');
  const tool = async (...words: string[]) => {
    // The password is in its arguments; it belongs to a BMC that lives for a second.
    const args = ['-r', host, '-u', login.user, '-p', login.password, '-S', 'Always', '-A', 'Session', ...words];
    return (await run('redfishtool', args, { timeout: 30_000 })).stdout;
  };

  await tool('Systems', '-F', 'reset', 'On');
  await tool('Systems', '-F', 'setBootOverride', 'Once', 'Pxe');
  await tool('Chassis', '-F', 'setIndicatorLed', 'Lit');

  assert.match(await tool('Systems', '-F', 'get'), /"PowerState": "On"/);
  assert.deepEqual([bmcModel.chassis.power(), bmcModel.indicator], ['on', 'on']);
  assert.equal(bmcModel.chassis.bootOverride.get()?.device, 'pxe');
  assert.match(await tool('Chassis', '-F', 'Thermal'), /ReadingCelsius/);
  assert.match(await tool('Managers', '-F', 'Logs'), /LogService/);
});

test('passes the Redfish Service Validator', { skip: withoutValidator }, async (t) => {
  const { service, folder } = await aService(t);
  const script = join(validator as string, 'RedfishServiceValidator.py');
  const about = ['-r', service.url, '-u', login.user, '-p', login.password, '--authtype', 'Basic', '--logdir', folder];
  const schemas = ['--schema_directory', join(validator as string, 'schemas'), '--skipschema'];
  const python = join(validator as string, 'venv/bin/python3');

  const { stdout } = await run(python, [script, ...about, ...schemas], { timeout: 120_000 }).catch((error) => error);

  const [log = ''] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.log'));
  const faults = log === '' ? stdout : readFileSync(join(folder, log), 'utf8').match(/.*ERROR.*/g);
  assert.equal(faults, null);
  assert.match(stdout, /\|\s+\d{3,}\s+\|\s+\d+\s+\|\s+0\s+\|/);
});
