/**
 * The script for machines with an installed system, run by Debian's iPXE under SeaBIOS: an unbootable disk is reported.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ipxeBoot } from '#drivers/ipxe/index.ts';
import { aBootRequest } from '#test/a-boot-request.ts';

const loader = '/usr/lib/ipxe/undionly.kpxe';
const rom = '/usr/lib/ipxe/qemu/pxe-virtio.rom';
const missing = [loader, rom, '/usr/bin/qemu-system-x86_64'].find((path) => !existsSync(path));
const skip = missing === undefined ? false : `needs ${missing}`;
/** The host's address in QEMU's user network. */
const host = '10.0.2.2';
const maxWaitMs = 300_000;

/** Code at the start, the boot sector signature at the end. */
function sector(code: number[], mark = [0x55, 0xaa]): Buffer {
  const bytes = Buffer.alloc(512);
  Buffer.from(code).copy(bytes);
  Buffer.from(mark).copy(bytes, 510);
  return bytes;
}
const halt = [0xf4, 0xeb, 0xfd];
/** mov dx, 3f8h; then `mov al, …; out dx, al` for each letter. */
const sayUp = [0xba, 0xf8, 0x03, 0xb0, 0x55, 0xee, 0xb0, 0x50, 0xee];
/** int 18h: a boot sector's signal to the BIOS that it found nothing bootable. */
const giveUp = [0xcd, 0x18];

/**
 * A machine whose firmware tries the network first; resolves with all requested paths on the request `until` or on UP.
 */
async function bootedFrom(t: TestContext, disk: Buffer): Promise<{ asked: string[]; isUp: boolean }> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-local-boot-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'disk');
  await writeFile(file, Buffer.concat([disk, Buffer.alloc(1024 * 1024 - disk.length)]));
  const asked: string[] = [];
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (path.startsWith('/boot/disk-failed/')) end();
    response.end(path === '/loader' ? await readFile(loader) : scriptFor(asked, base()));
  });
  const base = () => `http://${host}:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const machine = startMachine(file, `${base()}/script`);
  t.after(() => stop(machine));
  let serial = '';
  machine.stdout?.on('data', (chunk: Buffer) => {
    serial += chunk.toString('latin1');
    if (serial.endsWith('UP')) end();
  });
  await Promise.race([isOver, tooLong(() => `${asked.join(' ')}\n${serial}`)]);
  return { asked, isUp: serial.endsWith('UP') };
}

/** The NIC's ROM loads the loader that machines get, which then sends a second request. */
function scriptFor(asked: readonly string[], http_url: string): string {
  if (!asked.includes('/loader')) return `#!ipxe\nchain ${http_url}/loader\n`;
  const addresses = { ...aBootRequest({}).addresses, http_url };
  return ipxeBoot.plan(aBootRequest({ boot: 'local', deploy: undefined, instance: undefined, addresses })).ipxe_script ?? '';
}

function startMachine(disk: string, script: string): ChildProcess {
  const args = [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc', '-accel', 'tcg', '-cpu', 'max', '-m', '128'],
    ...['-netdev', `user,id=nic,bootfile=${script}`],
    ...['-device', `virtio-net-pci,netdev=nic,disable-legacy=on,romfile=${rom},bootindex=1`],
    ...['-drive', `if=none,id=disk,format=raw,file=${disk}`, '-device', 'virtio-blk-pci,drive=disk,bootindex=2'],
    ...['-serial', 'stdio'],
  ];
  return spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function stop(machine: ChildProcess): Promise<void> {
  if (machine.exitCode !== null || machine.signalCode !== null) return;
  const ended = once(machine, 'exit');
  machine.kill('SIGKILL');
  await ended;
}

async function tooLong(seen: () => string): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, maxWaitMs).unref());
  throw new Error(`neither started nor told: ${seen()}`);
}

for (const [title, disk] of [
  ['an empty disk', Buffer.alloc(512)],
  ['a boot sector without its mark', sector(sayUp.concat(halt), [0, 0])],
  ['a boot loader that gives up', sector(giveUp.concat(halt))],
] as const) {
  test(`${title} is reported to the boot server`, { skip }, async (t) => {
    const { asked, isUp } = await bootedFrom(t, disk);
    assert.equal(isUp, false);
    assert.match(asked.at(-1) ?? '', /^\/boot\/disk-failed\/52-54-00-12-34-56$/);
  });
}

test('boots a bootable disk, and reports nothing', { skip }, async (t) => {
  const { asked, isUp } = await bootedFrom(t, sector(sayUp.concat(halt)));
  assert.equal(isUp, true);
  assert.deepEqual(asked, ['/script', '/loader', '/script']);
});
