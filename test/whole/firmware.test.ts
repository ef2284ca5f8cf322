/**
 * The lab's servers under BMC control: UEFI firmware (OVMF) that boots from network, disk and CD as requested, virtual
 * media on both kinds of firmware by Redfish and without the BMC, serial console input, the diagnostic interrupt and
 * the power button.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { GrubTools } from '#build/image/grub.ts';
import { ipxeBoot } from '#drivers/ipxe/index.ts';
import { namespaceFile } from '#lab/network.ts';
import { type Rack, startRack, takeDownRack } from '#lab/rack.ts';
import { aBootRequest } from '#test/a-boot-request.ts';
import { bootableIso, bootSector, buttonModules, diskModules, layKernel, smallRamdisk, uefiDisk } from '#test/a-small-system.ts';
import { maxWait, toolsFor } from '#test/rack-tools.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const namespace = `ingot-firmware-${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), 'ingot-firmware-'));
const tftpRoot = join(folder, 'tftp');
const iso = join(tftpRoot, 'shell.iso');
const stick = join(folder, 'stick.img');
const [bios, uefi] = ['machine-1', 'machine-2'];
const filePort = 8099;
const loaderUrl = `http://172.30.0.1:${filePort}/snponly.efi`;
let rack: Rack;
const tools = (machine: string) => toolsFor(rack, machine);

before(async () => {
  if (skip) return;
  await layBootFiles();
  rack = await startRack({
    ...{ machines: 2, uefi: 1, memory: 512, disk: 1, namespace, stateDir: join(folder, 'rack') },
    bootOrder: ['disk', 'network'],
  });
  await startDhcp();
});

after(async () => {
  if (!skip) await takeDownRack(join(folder, 'rack'), namespace);
  rmSync(folder, { recursive: true });
  assert.equal(existsSync(namespaceFile(namespace)), false);
});

describe('at the same time', { skip, concurrency: true }, () => {
  describe('UEFI', { concurrency: 1 }, () => {
    test('an empty UEFI server boots from the network, and afterwards from its installed disk', async () => {
      await tools(uefi).ipmi('chassis', 'power', 'on');
      await tools(uefi).printed(/SYSTEM UP job=install firmware=uefi[\s\S]*INSTALLED[\s\S]*BOOTED FROM DISK/);
    });

    test('boots once from a CD inserted into a running UEFI server', async () => {
      const Image = `http://172.30.0.1:${filePort}/shell.iso`;
      await redfish(uefi, 'POST', '/Managers/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia', { Image });
      const Boot = { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'UEFI' };
      await redfish(uefi, 'PATCH', '/Systems/1', { Boot });
      const line = await rack.openConsole(uefi);
      await redfish(uefi, 'POST', '/Systems/1/Actions/ComputerSystem.Reset', { ResetType: 'ForceRestart' });
      await tools(uefi).printed(/SYSTEM UP job=shell firmware=uefi/);

      await typed(uefi, line, 'echo $((6*7)) answers', /42 answers/);
      await pressed(uefi);

      // The serial line survives a power cut, and the boot override is consumed; the CD is still in the drive.
      const heard = hears(line, /BOOTED FROM DISK/);
      await tools(uefi).ipmi('chassis', 'power', 'on');
      await heard;
      line.destroy();
    });

    test('a one-time network boot of a UEFI server is used once, too', async () => {
      const length = tools(uefi).consoleText().length;
      await tools(uefi).ipmi('chassis', 'bootdev', 'pxe', 'options=efiboot');
      await tools(uefi).ipmi('chassis', 'power', 'cycle');
      await tools(uefi).printed(/job=install firmware=uefi[\s\S]*INSTALLED[\s\S]*BOOTED FROM DISK/, length);
    });

    test('a UEFI server with network first boots from its disk each time when the boot override says so', async () => {
      await usingScript(ipxeBoot.plan(aBootRequest({ boot: 'local' })).ipxe_script ?? '', async () => {
        for (let start = 1; start <= 3; start += 1) {
          const { ipmi, printed, consoleText } = tools(uefi);
          const length = consoleText().length;
          await rack.setBoot(uefi, 'pxe');
          await ipmi('chassis', 'power', 'cycle');
          await printed(/boots from its own disk[\s\S]*BOOTED FROM DISK/, length);
        }
      });
    });

    for (const [teller, httpUri] of [
      ['its BMC', loaderUrl],
      ['DHCP', ''],
    ] as const) {
      test(`a UEFI server boots by HTTP from a URL set by ${teller}`, async () => {
        // Under emulation on a busy machine the firmware gives up a slow download: then it is retried once.
        for (let tries = 3; tries > 0; tries -= 1) {
          const { ipmi, printed, consoleText } = tools(uefi);
          const length = consoleText().length;
          await rack.setBoot(uefi, 'pxe', { httpUri });
          await ipmi('chassis', 'power', 'cycle');
          await printed(/HTTP Boot[\s\S]*(job=install firmware=uefi|failed to load \w+ "UEFI HTTPv4)/, length);
          if (consoleText().slice(length).includes('job=install')) return;
        }
        assert.fail('it never got its loader by HTTP');
      });
    }
  });

  describe('BIOS', { concurrency: 1 }, () => {
    test('a BIOS server boots from the same CD; its system receives NMI and power button', {
      skip,
    }, async () => {
      await rack.changeMedium(bios, 'cdrom', iso);
      await tools(bios).ipmi('chassis', 'bootdev', 'cdrom');
      await tools(bios).ipmi('chassis', 'power', 'on');
      await tools(bios).printed(/SYSTEM UP job=shell firmware=bios/);

      await rack.power(bios, 'nmi');
      await tools(bios).printed(/NMI received/);
      await pressed(bios);
    });

    test('a BIOS server boots from a USB stick that is removed while it runs', async () => {
      await rack.changeMedium(bios, 'floppy', stick);
      await tools(bios).ipmi('chassis', 'bootdev', 'floppy');
      await tools(bios).ipmi('chassis', 'power', 'on');
      await tools(bios).printed(/BOOTED FROM STICK/);

      await rack.changeMedium(bios, 'floppy', null);
      assert.deepEqual((await rack.status())[0]?.media, { cdrom: iso });
    });
  });
});

/** The power button: the operating system detects it and powers the machine off. */
async function pressed(machine: string): Promise<void> {
  const off = rack.untilState(machine, 'off', AbortSignal.timeout(maxWait));
  await tools(machine).ipmi('chassis', 'power', 'soft');
  await off;
}

async function typed(machine: string, line: NodeJS.WritableStream, words: string, answer: RegExp): Promise<void> {
  const length = tools(machine).consoleText().length;
  line.write(`${words}\n`);
  await tools(machine).printed(answer, length);
}

/** @param path below `/redfish/v1` */
async function redfish(machine: string, method: string, path: string, body: object): Promise<void> {
  const { address, user, password } = rack.machines.find(({ name }) => name === machine)!.bmc;
  const child = rack.spawn(['curl', '--config', '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const options = {
    ...{ url: `https://${address}/redfish/v1${path}`, user: `${user}:${password}`, request: method },
    ...{ header: 'content-type: application/json', data: JSON.stringify(body), 'write-out': '\n%{http_code}' },
  };
  const words = Object.entries(options).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
  child.stdin?.end(`insecure\nsilent\n${words.join('')}`);
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'close');
  assert.match(output, /\n20\d$/, `${method} ${path}: ${output}`);
}

async function hears(line: NodeJS.ReadableStream, pattern: RegExp): Promise<void> {
  let text = '';
  const hear = (part: Buffer) => {
    text += part;
  };
  line.on('data', hear);
  const signal = AbortSignal.timeout(maxWait);
  while (!pattern.test(text)) await once(line, 'data', { signal });
  line.off('data', hear);
}

async function usingScript(script: string, act: () => Promise<void>): Promise<void> {
  const file = join(tftpRoot, 'script.ipxe');
  const before = readFileSync(file);
  writeFileSync(file, script);
  await act();
  writeFileSync(file, before);
}

/** Both loaders are for UEFI here: the BIOS server never reaches its network boot. */
async function startDhcp(): Promise<void> {
  const dnsmasq = rack.spawn(
    [
      ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--log-facility=-', '--port=0'],
      ...['--interface=br0', '--bind-interfaces', '--dhcp-range=172.30.0.200,172.30.0.250,1h', '--dhcp-leasefile=/dev/null'],
      ...['--no-ping', '--enable-tftp', `--tftp-root=${tftpRoot}`, '--user=root', '--group=root'],
      ...['--dhcp-match=set:ipxe,175', '--dhcp-boot=tag:!ipxe,tag:!http,snponly.efi', '--dhcp-boot=tag:ipxe,script.ipxe'],
      ...['--dhcp-match=set:http,option:client-arch,16', '--dhcp-option-force=tag:http,60,HTTPClient'],
      `--dhcp-boot=tag:http,${loaderUrl}`,
      // iPXE's own option 175.176: no other DHCP server will add boot options, so do not wait for one.
      '--dhcp-option-force=tag:ipxe,encap:175,176,1b',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  await once(createInterface({ input: dnsmasq.stderr! }), 'line');
  dnsmasq.stderr!.resume();
  rack.spawn(['busybox', 'httpd', '-f', '-p', `172.30.0.1:${filePort}`, '-h', tftpRoot], { stdio: 'ignore' });
}

async function layBootFiles(): Promise<void> {
  mkdirSync(tftpRoot);
  copyFileSync('/usr/lib/ipxe/snponly.efi', join(tftpRoot, 'snponly.efi'));
  const kernel = join(tftpRoot, 'vmlinuz');
  const drivers = await layKernel(kernel, join(folder, 'kernel'));
  await GrubTools.with(async (tools) => {
    const files = { 'disk.gz': gzipSync(await uefiDisk(tools, 'BOOTED FROM DISK')) };
    const ramdisk = smallRamdisk({ drivers, modules: [...diskModules, ...buttonModules], init, files });
    writeFileSync(join(tftpRoot, 'ramdisk'), ramdisk);
    await bootableIso(tools, iso, { kernel, ramdisk, parameters: 'console=ttyS0 quiet job=shell' });
  });
  const load = 'kernel vmlinuz initrd=ramdisk console=ttyS0 quiet job=install\ninitrd ramdisk\nboot\n';
  writeFileSync(join(tftpRoot, 'script.ipxe'), `#!ipxe\n${load}`);
  writeFileSync(stick, Buffer.concat([bootSector('BOOTED FROM STICK\r\n'), Buffer.alloc(2 << 20)]));
}

/** The loader's arguments after `job=` are in the environment. */
const init = `firmware=bios; [ -d /sys/firmware/efi ] && firmware=uefi
for events in /dev/input/event*; do
  (dd if=$events bs=24 count=1 >/dev/null 2>&1 && echo BUTTON PRESSED && poweroff -f) &
done
echo SYSTEM UP job=$job firmware=$firmware
if [ "$job" = install ]; then
  zcat /disk.gz | dd of=/dev/vda bs=1M conv=fsync 2>/dev/null || give_up
  echo INSTALLED
  reboot -f
fi
while :; do setsid cttyhack sh; done
`;
