/**
 * The lab's servers from firmware to operating system: PXE ROM, DHCP and TFTP of an unmodified dnsmasq, pxelinux,
 * Debian's kernel, a disk whose file grows and shrinks; all power control through ipmitool.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { namespaceFile } from '#lab/network.ts';
import { type Rack, startRack, takeDownRack } from '#lab/rack.ts';
import { bootSector, diskModules, layKernel, smallRamdisk } from '#test/a-small-system.ts';
import { maxWait, type RackTools, toolsFor } from '#test/rack-tools.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const namespace = `ingot-lab-whole-${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), 'ingot-lab-whole-'));
const tftpRoot = join(folder, 'tftp');
let rack: Rack;
let ipmi: RackTools['ipmi'];
let consoleText: RackTools['consoleText'];
let printed: RackTools['printed'];

before(async () => {
  if (skip) return;
  await layBootFiles();
  rack = await startRack({
    machines: 1,
    memory: 512,
    disk: 1,
    cpus: 1,
    namespace,
    stateDir: join(folder, 'rack'),
    bootOrder: ['disk', 'network'],
  });
  ({ ipmi, consoleText, printed } = toolsFor(rack));
  await startDhcp();
});

after(async () => {
  if (!skip) await takeDownRack(join(folder, 'rack'), namespace);
  rmSync(folder, { recursive: true });
  assert.equal(existsSync(namespaceFile(namespace)), false);
});

test('an empty server boots from the network, installs its disk, and boots from that afterwards', { skip }, async () => {
  await ipmi('chassis', 'power', 'on');
  await printed(/RAMDISK UP[\s\S]*WROTE 64 MiB[\s\S]*DISCARDED/);

  // The ramdisk has written a boot sector and reboots the machine: the firmware now finds a bootable disk.
  await printed(/DISCARDED[\s\S]*BOOTED FROM DISK/);
  assert.match(await ipmi('chassis', 'power', 'status'), /is on/);
  assert.equal((await rack.status())[0]?.starts, 2);
});

test('discarded blocks are freed on the host', { skip }, async () => {
  const { size, blocks } = statSync(rack.machines[0]!.disk);

  assert.ok(size >= 64 * 2 ** 20, `the disk file has been ${size} bytes long`);
  assert.ok(blocks * 512 < 8 * 2 ** 20, `it still takes ${blocks * 512} bytes`);
});

test('a one-time network boot is used once', { skip }, async () => {
  const length = consoleText().length;
  await ipmi('chassis', 'bootdev', 'pxe');
  await ipmi('chassis', 'power', 'reset');

  // The ramdisk reboots the machine again, and the request is consumed.
  await printed(/RAMDISK UP[\s\S]*DISCARDED[\s\S]*BOOTED FROM DISK/, length);
  assert.match(await ipmi('chassis', 'bootparam', 'get', '5'), /Boot Device Selector : No override/);
});

test('the serial number is that of the rack', { skip }, () => {
  assert.match(consoleText(), new RegExp(`SERIAL ${rack.machines[0]!.serial}\\b`));
});

test('a power button that the system ignores leaves the server on, unlike a power cut', { skip }, async () => {
  await ipmi('chassis', 'power', 'soft');
  assert.match(await ipmi('chassis', 'power', 'status'), /is on/);

  const off = rack.untilState('machine-1', 'off', AbortSignal.timeout(maxWait));
  await ipmi('chassis', 'power', 'off');
  await off;
  assert.match(await ipmi('chassis', 'power', 'status'), /is off/);
});

async function startDhcp(): Promise<void> {
  const dnsmasq = rack.spawn(
    [
      ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--log-facility=-', '--port=0'],
      ...['--interface=br0', '--bind-interfaces', '--dhcp-range=172.30.0.200,172.30.0.250,1h', '--dhcp-leasefile=/dev/null'],
      ...['--no-ping', '--dhcp-boot=pxelinux.0', '--enable-tftp', `--tftp-root=${tftpRoot}`, '--user=root', '--group=root'],
      // iPXE's own option 175.176: no other DHCP server will add boot options, so do not wait for one.
      '--dhcp-option-force=encap:175,176,1b',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  await once(createInterface({ input: dnsmasq.stderr! }), 'line');
  dnsmasq.stderr!.resume();
}

async function layBootFiles(): Promise<void> {
  mkdirSync(join(tftpRoot, 'pxelinux.cfg'), { recursive: true });
  copyFileSync('/usr/lib/PXELINUX/pxelinux.0', join(tftpRoot, 'pxelinux.0'));
  copyFileSync('/usr/lib/syslinux/modules/bios/ldlinux.c32', join(tftpRoot, 'ldlinux.c32'));
  const drivers = await layKernel(join(tftpRoot, 'vmlinuz'), join(folder, 'kernel'));
  const files = { 'boot-sector': bootSector('BOOTED FROM DISK\r\n') };
  writeFileSync(join(tftpRoot, 'ramdisk'), smallRamdisk({ drivers, modules: diskModules, init: ramdiskProgram, files }));
  writeFileSync(
    join(tftpRoot, 'pxelinux.cfg', 'default'),
    'default go\nlabel go\n  kernel vmlinuz\n  append initrd=ramdisk console=ttyS0 quiet\n',
  );
}

const ramdiskProgram = `echo RAMDISK UP
echo SERIAL $(cat /sys/class/dmi/id/product_serial)
dd if=/dev/urandom of=/tmp-mib bs=1M count=1 2>/dev/null
n=0; while [ $n -lt 64 ]; do dd if=/tmp-mib of=/dev/vda bs=1M seek=$n 2>/dev/null || give_up; n=$((n+1)); done
sync
echo WROTE $n MiB
blkdiscard /dev/vda || give_up
echo DISCARDED
dd if=/boot-sector of=/dev/vda conv=fsync 2>/dev/null
reboot -f
`;
