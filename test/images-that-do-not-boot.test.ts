/** Unbootable images, uploaded and deployed through the API: detected before any command to the BMC. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CloudClient } from '#demo/cloud-client.ts';
import { logIn } from '#demo/lab-cloud.ts';
import { createFlavor, createNetwork, followServer, untilNode, uploadImage } from '#demo/main-job.ts';
import { createBmcModel } from '#lab/bmc/create-bmc-model.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { type RedfishService, startRedfishService } from '#lab/bmc/redfish/redfish-service.ts';
import { serve } from '#serve.ts';
import { readSettings } from '#settings.ts';
import { efiProgram, efiProgramFor, makeBootDisk } from './boot-disks.ts';

const user = { name: 'admin', password: 'password1', privilege: 'administrator' } as const;
const chassis = createMemoryChassis('off');
let folder: string;
let redfish: RedfishService;
let running: Awaited<ReturnType<typeof serve>>;
let cloud: CloudClient;
let node: string;
let flavorRef: string;
let network: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-no-boot-'));
  redfish = await startRedfishService({ address: '127.0.0.1', port: 0, bmcModel: createBmcModel({ chassis, users: [user] }) });
  const state_dir = join(folder, 'state');
  const flags = { state_dir, 'api.listen': '127.0.0.1:0', 'log.level': 'silent', 'power.poll_ms': '10' };
  running = await serve(readSettings({ flags }));
  cloud = await logIn(running.url, state_dir);
  node = await enrol();
  flavorRef = await createFlavor(cloud, 'metal', {});
  const facts = { cidr: '192.0.2.0/24', gateway: '192.0.2.1', first: '192.0.2.10', last: '192.0.2.99' };
  network = await createNetwork(cloud, 'net', facts);
});
after(async () => {
  await running.close();
  await redfish.close();
  await rm(folder, { recursive: true, force: true });
});

async function enrol(): Promise<string> {
  const driver_info = { redfish_address: redfish.url, redfish_username: user.name, redfish_password: user.password };
  const properties = { cpus: 2, memory_mb: 2048, local_gb: 8, cpu_arch: 'x86_64', capabilities: 'boot_mode:uefi' };
  const body = { name: 'rack1-u7', driver: 'redfish', driver_info, properties, resource_class: 'baremetal' };
  const { uuid } = await cloud.bareMetal<{ uuid: string }>('/nodes', { method: 'POST', body });
  await cloud.bareMetal('/ports', { method: 'POST', body: { node_uuid: uuid, address: '52:54:00:1d:00:07' } });
  for (const [target, state] of [
    ['manage', 'manageable'],
    ['provide', 'available'],
  ] as const) {
    await cloud.bareMetal(`/nodes/${uuid}/states/provision`, { method: 'PUT', body: { target } });
    await untilNode(cloud, uuid, state);
  }
  return uuid;
}

type Image = { file: string; disk_format?: string; properties?: Record<string, string> };

/** @returns the server's fault, and the final state of image and node */
async function deploy(name: string, { file, disk_format = 'raw', properties = {} }: Image) {
  const imageRef = await uploadImage(cloud, { name, path: file, disk_format, container_format: 'bare', properties });
  const body = { server: { name, imageRef, flavorRef, networks: [{ uuid: network }] } };
  const { id } = (await cloud.compute<{ server: { id: string } }>('/servers', { method: 'POST', body })).server;
  const { server, events } = await followServer(cloud, id, () => {});
  await cloud.compute(`/servers/${id}`, { method: 'DELETE' });
  const { provision_state } = await untilNodeFree();
  const { status } = await cloud.call<{ status: string }>(`/image/v2/images/${imageRef}`);
  const { message = '', details = '' } = server.fault ?? {};
  return { fault: message, details, events: events.map(({ message }) => message).join('\n'), provision_state, status };
}

async function untilNodeFree() {
  type View = { provision_state: string; reservation: string | null; instance_uuid: string | null };
  for (const end = AbortSignal.timeout(60_000); ; end.throwIfAborted()) {
    const seen = await cloud.bareMetal<View>(`/nodes/${node}`);
    if (seen.reservation === null && seen.instance_uuid === null) return seen;
    await cloud.bareMetal(`/nodes/${node}/events?after=${Number.MAX_SAFE_INTEGER}&wait=1`);
  }
}

async function aFileSystem(): Promise<string> {
  const path = join(folder, 'ext4');
  await writeFile(path, '');
  await truncate(path, 16 * 2 ** 20);
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', path], { stdio: 'pipe' });
  return path;
}

async function noise(): Promise<string> {
  const bytes = randomBytes(2 ** 20);
  bytes.writeUInt16LE(0, 510);
  await writeFile(join(folder, 'noise'), bytes);
  return join(folder, 'noise');
}

const forArm = (name: string) =>
  makeBootDisk(folder, name, { label: 'gpt', files: { '/EFI/BOOT/BOOTAA64.EFI': efiProgramFor(0xaa64) } });
const forBios = () => makeBootDisk(folder, 'bios', { label: 'dos', bootCode: Buffer.from([0xfa, 0xf4]) });

function asQcow2(raw: string): string {
  execFileSync('qemu-img', ['convert', '-c', '-O', 'qcow2', raw, `${raw}.qcow2`]);
  return `${raw}.qcow2`;
}

for (const [what, make, says] of [
  ['random bytes', async () => ({ file: await noise() }), /no boot sector, partition table or file system was recognised/],
  ['a file system', async () => ({ file: await aFileSystem() }), /one ext file system without a partition table/],
  [
    'a qcow2 for aarch64',
    async () => ({ file: asQcow2(forArm('arm')), disk_format: 'qcow2' }),
    /it has an EFI loader for aarch64 \(\/EFI\/BOOT\/BOOTAA64\.EFI\) only; the machine is x86_64 and boots by UEFI/,
  ],
  [
    'a disk for BIOS',
    async () => ({ file: forBios() }),
    /it has boot code for BIOS only; the machine is x86_64 and boots by UEFI/,
  ],
  ['an empty GPT', async () => ({ file: makeBootDisk(folder, 'empty', { label: 'gpt' }) }), /a GPT without boot code/],
] as const) {
  test(`${what}: the fault of the server states why, and the machine was not restarted`, async () => {
    const { fault, details, provision_state, status } = await deploy(what, await make());

    assert.match(fault, new RegExp(`^Image ${what} would not start on node rack1-u7: `));
    assert.match(fault, says);
    assert.match(details, /ingot_boot_check=skip/);
    assert.deepEqual([provision_state, status], ['available', 'active']);
    assert.deepEqual([chassis.boots, chassis.power()], [[], 'off']);
  });
}

test('deploys a bootable image, and one whose owner skips the check', async () => {
  const fits = makeBootDisk(folder, 'fits', { label: 'gpt', files: { '/EFI/BOOT/BOOTX64.EFI': efiProgram() } });

  const right = await deploy('right', { file: fits });
  const insisted = await deploy('insisted', { file: forArm('odd'), properties: { ingot_boot_check: 'skip' } });

  // There is no ramdisk here, which only the next step needs.
  for (const { fault } of [right, insisted]) assert.match(fault, /no kernel is configured/);
  assert.doesNotMatch(right.events, /may not start/);
  assert.match(insisted.events, /It may not start: it has an EFI loader for aarch64/);
});
