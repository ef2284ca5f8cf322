import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootMac, bootServer, parseKernelLine } from './kernel-line.ts';
import { readOptions } from './options.ts';

test('parses quoted values, flags and repeated parameters', () => {
  const line = parseKernelLine('a=1 quiet dyndbg="file drivers/x +p" a=2 url=http://h:1/p?x=y=z\n');
  assert.deepEqual(
    [...line],
    [
      ['a', '2'],
      ['quiet', ''],
      ['dyndbg', 'file drivers/x +p'],
      ['url', 'http://h:1/p?x=y=z'],
    ],
  );
});

test('parses what pxelinux adds with ipappend 3', () => {
  const line = parseKernelLine('initrd=r ip=172.30.0.21:172.30.0.1:172.30.0.254:255.255.255.0 BOOTIF=01-52-54-00-AB-cd-ef');
  assert.equal(bootMac(line), '52:54:00:ab:cd:ef');
  assert.equal(bootServer(line), '172.30.0.1');
  assert.equal(bootMac(parseKernelLine('BOOTIF=eth0')), null);
  assert.equal(bootMac(parseKernelLine('BOOTIF=01-52-54-00-ab-cd-ef-00')), null);
});

test('finds an InfiniBand port by pxelinux, by its GUID, or by its full address', () => {
  const guid = '7c-fe-90-03-00-29-26-52';
  for (const name of ['20-7c-fe-90-29-26-52', `20-${guid}`, `01-80-00-00-48-fe-80-00-00-00-00-00-00-${guid}`])
    assert.equal(bootMac(parseKernelLine(`BOOTIF=${name}`)), '7c:fe:90:29:26:52');
});

const options = (line: string, argv: string[] = []) => readOptions(argv, {}, () => line);

test('accepts the classic parameters without a server for hello', () => {
  const read = options(
    'iscsi_target_iqn=iqn-x deployment_id=7 deployment_key=K disk=cciss/c0d0,sda ip=10.0.0.9:10.0.0.1:: troubleshoot=1',
  );
  assert.equal(read?.server, undefined);
  assert.equal(read?.troubleshoot, true);
  assert.deepEqual(read?.classic, {
    iqn: 'iqn-x',
    deploymentId: '7',
    deploymentKey: 'K',
    disks: ['cciss/c0d0', 'sda'],
    bootServer: '10.0.0.1',
    helperPort: 10000,
    iscsiPort: 3260,
    donePort: 10000,
  });
});

test('without ip=, uses the host of ingot.url as boot server', () => {
  const read = options('ingot.url=http://172.30.0.1:8088/ ingot.token=t iscsi_target_iqn=iqn-x');
  assert.deepEqual(read?.server, { url: 'http://172.30.0.1:8088', token: 't' });
  assert.equal(read?.classic?.bootServer, '172.30.0.1');
  assert.throws(() => options('iscsi_target_iqn=iqn-x'), /neither ip= nor ingot.url/);
});

test('flags override the kernel command line; an unknown flag is rejected', () => {
  const argv = [
    '--url',
    'http://127.0.0.1:1',
    '--token',
    'f',
    '--classic',
    'iscsi_target_iqn=i',
    '--classic',
    'done_port=2',
    '--disk',
    'a',
    '--disk',
    'b',
  ];
  const read = options('ingot.url=http://h ingot.token=t', argv);
  assert.deepEqual(read?.server, { url: 'http://127.0.0.1:1', token: 'f' });
  assert.equal(read?.classic?.donePort, 2);
  assert.deepEqual(read?.diskFiles, ['a', 'b']);
  assert.throws(() => options('', ['--colour']), /--colour/);
});
