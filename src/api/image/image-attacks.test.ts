import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { aQcow2, aVmdk, aVmdkOfAnotherFile, patched } from '#test/attack-images.ts';

const gib = 1024 ** 3;
const secret = '/etc/hostname';
let folder: string;
let fixture: ApiFixture;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-attacks-'));
  fixture = await openApiFixture({
    images: (store, stateDir) =>
      createImageFiles({
        store,
        directory: join(stateDir, 'images'),
        log: pino({ level: 'silent' }),
        bounds: { maxBytes: 4 * gib, reserve: 0, stallMs: 60_000 },
      }),
  });
});
after(async () => {
  await fixture.close();
  await rm(folder, { recursive: true, force: true });
});

async function send(disk_format: string, data: Buffer) {
  const payload = { name: 'evil', disk_format, container_format: 'bare' };
  const { id } = (await fixture.ask({ method: 'POST', url: '/image/v2/images', payload })).body;
  const headers = { 'content-type': 'application/octet-stream' };
  const reply = await fixture.ask({ method: 'PUT', url: `/image/v2/images/${id}/file`, payload: data, headers });
  return { id, reply, status: (await fixture.ask({ url: `/image/v2/images/${id}` })).body.status };
}

const sparse = ['createType="monolithicSparse"', 'RW 8192 SPARSE "attack.vmdk"'];
const make = (...create: string[]) => patched(folder, create, () => undefined);
const random = () => Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)));
/** GUID of the item "file parameters" (VHDX Format 1.00, 2.6.2.1) as stored in the metadata table. */
const fileParameters = Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex');

type Attack = { what: string; as: string; image: () => Buffer; says: RegExp };
const attacks: readonly Attack[] = [
  // CVE-2022-47951, CVE-2024-40767: vmdk extents that name files of the host.
  { what: 'a vmdk whose extent is a file of the host', as: 'vmdk', image: () => aVmdkOfAnotherFile(secret), says: /vmdk/ },
  {
    what: 'a vmdk with a second extent',
    as: 'vmdk',
    image: () => aVmdk({ descriptor: [...sparse, `RW 1 FLAT "${secret}" 0`] }),
    says: /vmdk/,
  },
  {
    what: 'a vmdk of a device',
    as: 'vmdk',
    image: () => aVmdk({ descriptor: ['createType="fullDevice"', 'RW 1 FLAT "/dev/sda" 0'] }),
    says: /vmdk/,
  },
  { what: 'a vmdk of no size', as: 'vmdk', image: () => aVmdk({ descriptor: sparse }), says: /vmdk/ },
  {
    what: 'a vmdk descriptor alone',
    as: 'vmdk',
    image: () => Buffer.from(`# Disk DescriptorFile\ncreateType="monolithicFlat"\nRW 1 FLAT "${secret}" 0\n`),
    says: /^Image disk_format vmdk does not match stream data a vmdk descriptor$/,
  },
  {
    what: 'a vmdk descriptor declared as raw',
    as: 'raw',
    image: () => Buffer.from(`# Disk DescriptorFile\ncreateType="monolithicFlat"\nRW 1 FLAT "${secret}" 0\n`),
    says: /disk_format raw does not match stream data a vmdk descriptor/,
  },
  // CVE-2015-5163, CVE-2024-32498, CVE-2024-4467: qcow2 that refers to files of the host.
  {
    what: 'a qcow2 with a backing file',
    as: 'qcow2',
    image: () => aQcow2(512n, { backing: secret }),
    says: /^Image failed safety checks: it has a backing file/,
  },
  {
    what: 'a qcow2 with a backing file by options',
    as: 'qcow2',
    image: () => aQcow2(512n, { backing: `json:{"driver":"raw","file":{"driver":"file","filename":"${secret}"}}` }),
    says: /backing file|cannot be read/,
  },
  {
    what: 'a qcow2 with a data file',
    as: 'qcow2',
    image: () => aQcow2(512n, { dataFile: secret }),
    says: /another file|cannot be read/,
  },
  {
    what: 'a qcow2 with a data file by options',
    as: 'qcow2',
    image: () => aQcow2(512n, { dataFile: `json:{"driver":"raw","file":{"driver":"file","filename":"${secret}"}}` }),
    says: /another file|cannot be read/,
  },
  {
    what: 'a qcow2 whose data is elsewhere, unnamed',
    as: 'qcow2',
    image: () => {
      const file = aQcow2(512n);
      file.writeBigUInt64BE(4n, 72);
      return file;
    },
    says: /data-file|another file/,
  },
  {
    what: 'a qcow2 marked as corrupt',
    as: 'qcow2',
    image: () => patched(folder, ['-f', 'qcow2', '1M'], (file) => void file.writeBigUInt64BE(2n, 72)),
    says: /corrupt|damaged/,
  },
  {
    what: 'an encrypted qcow2',
    as: 'qcow2',
    image: () => {
      const file = aQcow2(512n);
      file.writeUInt32BE(1, 32);
      return file;
    },
    says: /encrypted|cannot be read/,
  },
  { what: 'a qcow2 of 0 bytes', as: 'qcow2', image: () => make('-f', 'qcow2', '0'), says: /0 bytes/ },
  { what: 'a qcow2 of 64 TiB in a small file', as: 'qcow2', image: () => aQcow2(2n ** 46n), says: /GiB/ },
  {
    what: 'a qcow2 that unpacks to more than an image may have',
    as: 'qcow2',
    image: () => make('-f', 'qcow2', '8G'),
    says: /its disk has 8 GiB, and images may have up to 4 GiB/,
  },
  {
    what: 'a qcow2 that was cut off',
    as: 'qcow2',
    image: () => {
      const [raw, path] = [join(folder, 'noise.raw'), join(folder, 'noise.qcow2')];
      execFileSync('sh', ['-c', 'head -c 1M /dev/urandom >"$1"; qemu-img convert -O qcow2 "$1" "$2"', 'sh', raw, path]);
      return execFileSync('head', ['-c', '800K', path], { maxBuffer: 2 ** 21 });
    },
    says: /is damaged/,
  },
  {
    what: 'one byte',
    as: 'qcow2',
    image: () => Buffer.from('Q'),
    says: /^Image disk_format qcow2 does not match stream data raw$/,
  },
  {
    what: 'a page of HTML',
    as: 'qcow2',
    image: () => Buffer.from('<!doctype html><title>404</title>'),
    says: /^Image disk_format qcow2 does not match stream data raw$/,
  },
  { what: 'a header and nothing behind it', as: 'qcow2', image: () => aQcow2(512n).subarray(0, 100), says: /cannot be read/ },
  // Backing files.
  {
    what: 'a vhd that is the difference to another',
    as: 'vhd',
    image: () =>
      patched(folder, ['-f', 'vpc', '1M'], (file) => void [60, file.length - 452].map((at) => file.writeUInt32BE(4, at))),
    says: /^Image failed safety checks: it is a differencing disk/,
  },
  {
    what: 'a vhdx with a parent',
    as: 'vhdx',
    image: () =>
      patched(folder, ['-f', 'vhdx', '1M'], (file) => {
        const entry = file.indexOf(fileParameters);
        const region = entry - (entry % 65_536);
        const at = region + file.readUInt32LE(entry + 16) + 4;
        file.writeUInt32LE(file.readUInt32LE(at) | 2, at);
        return undefined;
      }),
    says: /cannot be read/,
  },
  {
    what: 'a vdi with a parent',
    as: 'vdi',
    image: () => patched(folder, ['-f', 'vdi', '1M'], (file) => void random().copy(file, 440, 0, 16)),
    says: /cannot be read/,
  },
  // Formats other than the declared one.
  {
    what: 'a luks volume declared as raw',
    as: 'raw',
    image: () => Buffer.concat([Buffer.from('LUKS\xba\xbe', 'latin1'), random()]),
    says: /luks/,
  },
  {
    what: 'a qed declared as raw',
    as: 'raw',
    image: () => make('-f', 'qed', '1M'),
    says: /disk_format raw does not match stream data qed/,
  },
  {
    what: 'a qcow2 declared as aki',
    as: 'aki',
    image: () => aQcow2(512n, { backing: secret }),
    says: /disk_format aki does not match stream data qcow2/,
  },
  {
    what: 'a fixed vhd declared as raw',
    as: 'raw',
    image: () => make('-f', 'vpc', '-o', 'subformat=fixed', '1M'),
    says: /disk_format raw does not match stream data vhd/,
  },
  {
    what: 'an iso that is also a qcow2',
    as: 'iso',
    image: () => {
      const file = Buffer.concat([aQcow2(512n, { backing: secret }), random()]);
      file.write('CD001', 0x8001);
      return file;
    },
    says: /^Multiple formats detected: iso,qcow2$/,
  },
  {
    what: 'a vmdk that is also a vhd',
    as: 'vmdk',
    image: () => Buffer.concat([aVmdk({ descriptor: sparse, capacity: 8192n }), Buffer.from('conectix'.padEnd(512, '\0'))]),
    says: /^Multiple formats detected: vmdk,vhd$/,
  },
];

for (const { what, as, image, says } of attacks) {
  test(`${what}: 415, and stores nothing`, async () => {
    const { id, reply, status } = await send(as, image());
    assert.equal(reply.status, 415, JSON.stringify(reply.body));
    assert.match(reply.body.error.message, says);
    assert.ok(!reply.body.error.message.includes(fixture.stateDir));
    assert.equal(status, 'queued');
    assert.deepEqual(await readdir(join(fixture.stateDir, 'images', id)), []);
  });
}

test('does not deploy an invalid image uploaded before such checks existed', async () => {
  const store = createImageFiles({
    store: fixture.store,
    directory: join(fixture.stateDir, 'images'),
    log: pino({ level: 'silent' }),
  });
  const { id } = await send('vmdk', make('-f', 'vmdk', '1M'));
  await writeFile(join(fixture.stateDir, 'images', id, 'data'), aVmdkOfAnotherFile(secret));
  await fixture.store.images.update({ id }, { os_hash_value: null });

  await assert.rejects(store.extents(id), { code: 'imageUnusable' });
  await assert.rejects(store.raw(id), { code: 'imageUnusable' });
  assert.deepEqual(await readdir(join(fixture.stateDir, 'images', id)), ['data']);
});

test('accepts valid images of every format as qemu-img reads them', async () => {
  const raw = join(folder, 'sound.raw');
  await writeFile(raw, Buffer.concat([random(), Buffer.alloc(2 ** 20), random()]));
  for (const [as, driver, ...options] of [
    ['qcow2', 'qcow2', '-c'],
    ['qcow2', 'qcow2', '-o', 'compat=0.10'],
    ['qcow2', 'qcow2', '-o', 'extended_l2=on'],
    ['vmdk', 'vmdk', '-o', 'subformat=monolithicSparse'],
    ['vmdk', 'vmdk', '-o', 'subformat=streamOptimized'],
    ['vdi', 'vdi'],
    ['vhd', 'vpc', '-o', 'force_size=on'],
    ['vhd', 'vpc', '-o', 'subformat=fixed,force_size=on'],
    ['vhdx', 'vhdx'],
  ] as const) {
    const path = join(folder, 'sound');
    execFileSync('qemu-img', ['convert', '-O', driver, ...options, raw, path]);
    const { status, reply } = await send(as, await readFile(path));
    assert.equal(status, 'active', `${as} ${options.join(' ')}: ${JSON.stringify(reply.body)}`);
  }
});
