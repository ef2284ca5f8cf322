import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkCommands } from './network.ts';
import { qemuArguments } from './qemu-arguments.ts';
import { planRack } from './rack-plan.ts';

test('a rack has two servers by default, each with its own names and addresses', () => {
  const { machines, namespace } = planRack({ stateDir: '/rack' });

  assert.equal(namespace, 'ingot-lab');
  assert.deepEqual(
    machines.map(({ name, nics, bmcAddress, serial }) => [name, nics[0]?.mac, nics[0]?.tap, bmcAddress, serial]),
    [
      ['machine-1', '52:54:00:1a:00:01', 'tap1', '172.31.0.11', 'INGOT0001'],
      ['machine-2', '52:54:00:1a:00:02', 'tap2', '172.31.0.12', 'INGOT0002'],
    ],
  );
  assert.equal(machines[0]?.consoleFile, '/rack/machine-1/console.log');
});

test('identities are stable for one rack and differ between racks', () => {
  const uuids = (namespace: string) => planRack({ namespace, machines: 3 }).machines.map(({ uuid }) => uuid);

  assert.deepEqual(uuids('a'), uuids('a'));
  assert.equal(new Set([...uuids('a'), ...uuids('b')]).size, 6);
  for (const uuid of uuids('a')) assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('the largest rack has unique addresses, and its interface names fit the kernel', () => {
  const { machines } = planRack({ machines: 200, nics: 8 });
  const nics = machines.flatMap((machine) => machine.nics);

  assert.equal(new Set(nics.map(({ mac }) => mac)).size, 1600);
  assert.equal(new Set(nics.map(({ tap }) => tap)).size, 1600);
  assert.equal(new Set(machines.map(({ bmcAddress }) => bmcAddress)).size, 200);
  assert.ok(nics.every(({ mac, tap }) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) && tap.length < 16));
  assert.equal(machines.at(-1)?.bmcAddress, '172.31.0.210');
});

test('rejects invalid sizes by name', () => {
  assert.throws(() => planRack({ machines: 0 }), /machines must be a whole number from 1 to 200, not 0/);
  assert.throws(() => planRack({ memory: 1.5 }), /memory/);
  assert.throws(() => planRack({ disk: Number.NaN }), /disk/);
  assert.throws(() => planRack({ namespace: '../etc' }), /no name for a namespace/);
});

test('the network commands skip what exists', () => {
  const plan = planRack({ machines: 1, nics: 2 });

  const fresh = networkCommands(plan, { existing: ['lo'], ipv6: true });
  const again = networkCommands(plan, { existing: ['lo', 'br0', 'bmc0', 'tap1', 'tap1n1'], ipv6: true });

  assert.ok(fresh.some((line) => line.startsWith('link add br0 ') && line.includes('forward_delay 0')));
  assert.ok(fresh.includes('link set tap1n1 master br0'));
  assert.ok(fresh.includes('addr add fd1a:b000::1/64 dev br0 nodad'));
  assert.deepEqual(again, ['link set lo up', 'addr replace 172.31.0.11/24 dev bmc0']);
  assert.ok(!networkCommands(plan, { existing: [], ipv6: false }).some((line) => line.includes('fd1a')));
});

test('converts the boot order to the ranks of the devices', () => {
  const { bmcAddress: _, ...machine } = planRack({ machines: 1, nics: 2 }).machines[0]!;
  const devices = (order: ('network' | 'disk')[]) =>
    qemuArguments({ ...machine, acceleration: 'tcg' }, { order, media: {} }).filter((word) => /^virtio-(net|blk)/.test(word));

  const [first, second, disk] = devices(['disk', 'network']);

  assert.match(first!, /mac=52:54:00:1a:00:01,.*,bootindex=2$/);
  assert.match(second!, /mac=52:54:00:1a:01:01,.*rombar=0$/);
  assert.match(disk!, /serial=INGOT0001,bootindex=1$/);
  assert.doesNotMatch(devices(['disk'])[0]!, /bootindex/);
});

test('gives UEFI to the last servers, each with its own variables', () => {
  const firmwareOf = (uefi: number | 'all') => planRack({ machines: 3, uefi }).machines.map(({ firmware }) => firmware);

  assert.deepEqual(firmwareOf(0), ['bios', 'bios', 'bios']);
  assert.deepEqual(firmwareOf(1), ['bios', 'bios', 'uefi']);
  assert.deepEqual(firmwareOf('all'), ['uefi', 'uefi', 'uefi']);
  assert.throws(() => firmwareOf(4), /uefi must be a whole number from 0 to 3, not 4/);
});

test('can boot from inserted media, whatever their path', () => {
  const [machine] = planRack({ machines: 1, uefi: 'all', stateDir: '/a,b' }).machines;
  const media = { cdrom: '/isos/a,b.iso', disk: '/stick "1".img' };
  const words = qemuArguments({ ...machine!, acceleration: 'tcg' }, { order: ['cdrom', 'usb', 'disk'], media });

  assert.ok(words.includes('if=none,id=cdrom,media=cdrom,readonly=on,format=raw,file=/isos/a,,b.iso'));
  assert.ok(words.some((word) => word.startsWith('ide-cd,') && word.endsWith(',bootindex=1')));
  const stick = words[words.indexOf('-blockdev') + 1]!;
  assert.equal(JSON.parse(stick).file.filename, '/stick "1".img');
  assert.ok(words.some((word) => word.startsWith('usb-storage,') && word.endsWith(',bootindex=2')));
  assert.ok(words.includes('if=pflash,unit=1,format=raw,file=/a,,b/machine-1/uefi-vars.fd'));
});
