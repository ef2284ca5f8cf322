/** Parsers of other programs' output, and of files that people or other machines write. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyRequest } from 'fastify';
import { Value } from 'typebox/value';
import {
  ExtentsError,
  ExtentsReader,
  encodeExtentsEnd,
  encodeExtentsHeader,
  encodeRecordHeader,
} from '#agent-protocol/extents.ts';
import { refuseControls } from '#api/http/printable-text.ts';
import { readLeases, staleLeases } from '#boot-server/dhcp-leases.ts';
import { parseDnsmasqLine } from '#boot-server/dnsmasq-log.ts';
import { Fault } from '#domain/faults.ts';
import { hypervisorTable } from '#drivers/virtual-power/hypervisors.ts';
import { checkDiskFormat, diskFormatTable } from '#images/disk-formats.ts';
import { parseChanges } from '#lab/bmc-profile-changes.ts';
import { loadBmcProfiles } from '#lab/bmc-profile-files.ts';
import { applyPatch, JsonPatch } from '#services/baremetal/json-patch.ts';
import { readSettings, SettingsError } from '#settings.ts';
import { domainXml, machineInfo } from '#test/a-hypervisor.ts';
import { readSshFailure } from '#tools/ssh-error.ts';
import { Malformed } from '#wire/bytes/malformed.ts';
import { decodeHello } from '#wire/iboot/dxp-packets.ts';
import { securityOf } from '#wire/snmp/message-security.ts';
import { pick } from './dice.ts';
import { mutateJsonText } from './json-mutations.ts';
import { type ReaderRow, type Refusals, readerTarget, type Target } from './target.ts';

const texts =
  (...lines: readonly string[]) =>
  () =>
    lines.map((line) => Buffer.from(line));
const nothing: Refusals = [];
const isFault = (error: Error) => error instanceof Fault && error.code !== 'internal';
const uuid = '11111111-2222-4333-8444-555555555555';
const machine = { uuid, name: 'web & "db"', macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'] };

/** Text that is JSON: seeds as values. */
function jsonTarget(row: Omit<ReaderRow, 'seeds' | 'mutate'> & { readonly values: readonly unknown[] }): Target {
  const { values, ...target } = row;
  return readerTarget({
    ...target,
    seeds: () => values.map((value) => Buffer.from(JSON.stringify(value))),
    mutate: (_, roll) => mutateJsonText(pick(values, roll), roll),
  });
}

/** A target whose input is a file; the folder is removed with the stage. */
function fileTarget(row: Omit<ReaderRow, 'read'> & { read(file: string, input: Buffer): unknown }): Target {
  return {
    ...row,
    async open() {
      const folder = mkdtempSync(join(tmpdir(), 'ingot-fuzz-'));
      const file = join(folder, 'input.json');
      const read = (input: Buffer) => {
        writeFileSync(file, input);
        return row.read(file, input);
      };
      const fixture = await readerTarget({ ...row, read }).open();
      return { ...fixture, close: () => rm(folder, { recursive: true, force: true }) };
    },
  };
}

const painted = [
  { server: { name: 'a\u001b[2J', metadata: { k: 'v\u009b' }, networks: [{ 'k\u0007': 1 }] } },
  { network: { name: 'a\nb', description: 'two\nlines\u202e' } },
  [{ op: 'add', path: '/name', value: 'a\tb' }, ['\u007f'], { user: { name: 'n', password: 'p\u0007' } }],
];

/** A service whose records hold secrets under custom names. */
const routeOptions = { url: '/baremetal/v1/nodes' };

/** Accepted text contains nothing that a terminal executes, except below a secret's name. */
async function readBody(input: Buffer): Promise<void> {
  const body = parseJson(input);
  await refuseControls({ method: 'POST', body, params: {}, routeOptions } as FastifyRequest);
  if (typeof body !== 'object' || body === null) return;
  const shown = JSON.stringify(body, (field, value) => (/pass|secret/i.test(field) ? undefined : value));
  const unsafe = /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\\u00[01]|\\[bf]/.exec(shown.replaceAll('\\\\', ''));
  if (unsafe) throw new Error(`${JSON.stringify(unsafe[0])} was let through`);
}

/** In pieces of a size given by the first byte, as from a stream. */
function readExtents(input: Buffer): void {
  const reader = new ExtentsReader();
  const size = 1 + (input[0] ?? 0) * 7;
  let [end, bytes] = [0, 0];
  for (let at = 1; at < input.length; at += size) {
    for (const { offset, data } of reader.read(input.subarray(at, at + size))) {
      if (offset < end || offset + data.length > (reader.virtualSize ?? 0)) throw new Error(`data at ${offset} is out of place`);
      end = offset + data.length;
      bytes += data.length;
    }
  }
  reader.finish();
  if (bytes !== reader.dataBytes) throw new Error('bytes were lost');
}

function extentsSeed(...records: readonly [offset: number, length: number][]): Buffer {
  const size = 4096;
  const parts = records.map(([offset, length]) =>
    Buffer.concat([encodeRecordHeader(offset, length), Buffer.alloc(length, 0x5a)]),
  );
  return Buffer.concat([Buffer.of(3), encodeExtentsHeader(size), ...parts, encodeExtentsEnd(size)]);
}

const settingsValue = {
  api: { listen: '127.0.0.1:8774' },
  'admin.password': 'x',
  power: { sync_policy: 'record', sync_interval: 60 },
  provisioning: { pool: '172.30.0.10-172.30.0.20', cidr: '172.30.0.0/24', address: '172.30.0.1' },
  fake: { delay_ms: '5-50', fail_rate: 'power on=0.5,reset=0.1' },
  log: { level: 'info' },
};
const record = { name: 'n1', extra: { a: [1, { b: 2 }], 'x/y': null }, properties: { cpus: 4 }, list: [[1], 2] };
const patches = [
  [{ op: 'add', path: '/extra/a/0', value: 1 }],
  [
    { op: 'replace', path: '/properties/cpus', value: 4 },
    { op: 'remove', path: '/extra/a/1/b' },
  ],
  [{ op: 'test', path: '/list/0/0', value: 1 }],
  [{ op: 'add', path: '/extra/x~1y', value: { '~0': [] } }],
  [{ op: 'add', path: '/__proto__/polluted', value: true }],
  [{ op: 'add', path: '/extra/constructor/prototype/polluted', value: true }],
];

function patch(input: Buffer): void {
  const value = parseJson(input);
  if (!Value.Check(JsonPatch, value)) throw new Fault('badRequest', { detail: 'it is no JSON patch' });
  const before = JSON.stringify(record);
  applyPatch(record, value);
  if (JSON.stringify(record) !== before) throw new Error('the record itself was changed');
  if ('polluted' in {}) throw new Error('every object was changed');
}

function parseJson(input: Buffer): unknown {
  try {
    return JSON.parse(input.toString());
  } catch {
    throw new Fault('badRequest', { detail: 'it is no JSON' });
  }
}

const profileFile = {
  description: 'Slow.',
  source: 'made up',
  behaviour: { delayMs: 100, redfish: { etags: 'weak', vendor: 'X' } },
};
const behaviours = [profileFile.behaviour, { 'redfish.etags': 'none', cipherSuites: [3], silent: true }, { sessionLimit: 4 }];

const qcow2 = Buffer.alloc(512);
qcow2.write('QFI\xfb', 0, 'latin1');
qcow2.writeUInt32BE(3, 4);
qcow2.writeBigUInt64BE(1n << 30n, 24);
const vmdk = Buffer.alloc(2048);
vmdk.write('KDMV');
vmdk.writeBigUInt64LE(1n, 28);
vmdk.writeBigUInt64LE(1n, 36);
vmdk.write('createType="monolithicSparse"\n', 512);
const formats = Object.keys(diskFormatTable) as (keyof typeof diskFormatTable)[];

/** Responses of versions 2c and 3 (a report, and an encrypted one); their content matters little. */
const snmpPackets = [
  '302902010104067075626c6963a21c020203e80201000201003010300e06082b06010201010200020102',
  '3042020103300f02030091c8020205dc040100020103040e300c0400020100020100040004000400301c04000400a816020101020100020100300b300906052b06010201020101',
  '302e020103300e020200ff020300ffe3040103020103040e300c0400020100020100040004000400040900112233445566778899',
];

export const textTargets: readonly Target[] = [
  readerTarget({
    ...{ name: 'virsh output', share: 4, refuses: nothing },
    seeds: texts(
      domainXml(machine) + domainXml({ ...machine, macs: [] }),
      `${uuid}\n\n`,
      'running\n',
      'in shutdown\n\n',
      'error: failed to get domain\nerror: Domain is already active\nno state\n',
      `<uuid>${uuid}</uuid>${'<interface '.repeat(20)}`,
    ),
    read: (input) => readHypervisor('virsh', input.toString()),
  }),
  readerTarget({
    ...{ name: 'VBoxManage output', share: 3, refuses: nothing },
    seeds: texts(`${machineInfo(machine)}VMState="running"\n`, `"web" {${uuid}}\n`, 'name="'.repeat(20)),
    read: (input) => readHypervisor('vbox', input.toString()),
  }),
  readerTarget({
    ...{ name: 'ssh errors', share: 1, refuses: nothing },
    seeds: texts(
      'debug1: Server host key: ssh-ed25519 SHA256:abc\nHost key verification failed.\r\n',
      'Load key "/tmp/key": error in libcrypto\nvirt@192.0.2.1: Permission denied (publickey).\n',
      'ssh: connect to host 192.0.2.1 port 22: Connection refused\n',
      'Received disconnect from 192.0.2.1: Too many authentication failures\n',
    ),
    read(input) {
      const { message } = readSshFailure(input.toString(), 1);
      if (message.length > 2_000) throw new Error(`${message.length} characters`);
    },
  }),
  readerTarget({
    ...{ name: 'dnsmasq log and leases', share: 3, refuses: nothing },
    seeds: texts(
      'dnsmasq-dhcp[1]: 123 DHCPDISCOVER(br0) 172.30.0.9 52:54:00:00:00:01 no address',
      'dnsmasq-dhcp[1]: 123 DHCPACK(br0) 172.30.0.9 ff:00:00:00:00:00:02:00:00:02:c9:00:7c:fe:90:03:00:29:26:52 web1',
      'dnsmasq-dhcp[1]: 123 tags: no-loader, known, br0',
      'dnsmasq-dhcp[1]: 123 vendor class: PXEClient:Arch:00011:UNDI:003000',
      'dnsmasq-dhcp[1]: 123 bootfile name: undionly.kpxe',
      'dnsmasq-tftp[1]: sent /tftp/x/y to 172.30.0.9',
      'dnsmasq-tftp[1]: error 8 User aborted the transfer received from 172.30.0.9',
      'dnsmasq-tftp[1]: file /tftp/x not found for 172.30.0.9',
      `dnsmasq-tftp[1]: ${'sent x to '.repeat(8)}`,
    ),
    read: (input) => parseDnsmasqLine(input.toString()),
  }),
  fileTarget({
    ...{ name: 'dhcp lease file', share: 1, refuses: nothing },
    seeds: texts(
      '1767323045 52:54:00:00:00:01 172.30.0.9 web1 01:52:54:00:00:00:01\n'.repeat(3),
      '1767323045 20- 172.30.0.9 * ff:00:00:00:00:00:02:00:00:02:c9:00:7c:fe:90:03:00:29:26:52\n'.repeat(3),
    ),
    read: async (file) => staleLeases(await readLeases(file), []),
  }),
  readerTarget({
    ...{ name: 'disk image extents', share: 4, refuses: [ExtentsError] },
    seeds: () => [extentsSeed([0, 100], [200, 64]), extentsSeed(), extentsSeed([4000, 96])],
    read: readExtents,
  }),
  fileTarget({
    ...{ name: 'disk image formats', share: 2, refuses: isFault },
    seeds: () => [qcow2, vmdk, Buffer.concat([Buffer.from('vhdxfile'), Buffer.alloc(200)]), Buffer.from('QED\0')],
    read: (file, input) => checkDiskFormat(file, formats[(input.at(-1) ?? 0) % formats.length] ?? 'raw'),
  }),
  fileTarget({
    ...{ name: 'settings file', share: 2, refuses: [SettingsError] },
    seeds: texts(JSON.stringify(settingsValue)),
    mutate: (_, roll) => mutateJsonText(settingsValue, roll),
    read: (file) => readSettings({ file }),
  }),
  {
    ...fileTarget({
      ...{ name: 'profile file', share: 1, refuses: (error) => /is no profile/.test(error.message) },
      seeds: texts(JSON.stringify(profileFile)),
      mutate: (_, roll) => mutateJsonText(profileFile, roll),
      read: (file) => loadBmcProfiles(join(file, '..')),
    }),
  },
  jsonTarget({
    ...{
      name: 'profile changes',
      share: 2,
      values: behaviours,
      refuses: (error) => / must be | has no '|no JSON/.test(error.message),
    },
    read: (input) => parseChanges(parseJson(input) as Record<string, unknown>),
  }),
  jsonTarget({ ...{ name: 'printable bodies', share: 3, values: painted, refuses: isFault }, read: readBody }),
  jsonTarget({ ...{ name: 'json patch', share: 4, values: patches, refuses: isFault }, read: patch }),
  readerTarget({
    ...{ name: 'iboot hello', share: 1, refuses: [Malformed] },
    seeds: () => [Buffer.of(1, 2)],
    read: (input) => decodeHello(input),
  }),
  readerTarget({
    ...{ name: 'snmp packets, how secure', share: 3, refuses: nothing },
    seeds: () => snmpPackets.map((hex) => Buffer.from(hex, 'hex')),
    read: (input) => securityOf(input),
  }),
];

function readHypervisor(name: keyof typeof hypervisorTable, output: string): void {
  const hypervisor = hypervisorTable[name];
  const machines = hypervisor.readMachines(output);
  for (const { uuid: found, macs } of machines) {
    if (!/^[0-9a-f-]{36}$/.test(found)) throw new Error(`'${found}' would stand in a command line`);
    if (!macs.every((mac) => /^[0-9a-f]{12}$/.test(mac))) throw new Error('an address that is none');
  }
  for (const found of hypervisor.readUuids(output))
    if (!/^[0-9a-f-]{36}$/.test(found)) throw new Error(`'${found}' would stand in a command line`);
  hypervisor.readState(output);
  hypervisor.gone.test(output);
  hypervisor.already.test(output);
  hypervisor.busy?.test(output);
}
