import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aBootNode, aBootRequest, aRoot } from '#test/a-boot-request.ts';
import { checkGolden } from '#test/golden/check-golden.ts';
import { ipxeBoot } from './index.ts';

const scriptOf = (changes: Parameters<typeof aBootRequest>[0]) => ipxeBoot.plan(aBootRequest(changes)).ipxe_script ?? '';
const instance = { kernel: '/images/user.vmlinuz', ramdisk: '/images/user.initrd', root: aRoot };

test('a deployment loads kernel and ramdisk over HTTP, with parameters and the NIC', () => {
  const plan = ipxeBoot.plan(aBootRequest({ instance: undefined }));
  assert.equal(plan.firmware, 'ipxe');
  assert.deepEqual(plan.files, [
    { name: 'deploy_kernel', path: '/images/deploy.vmlinuz' },
    { name: 'deploy_ramdisk', path: '/images/deploy.initrd' },
  ]);
  checkGolden('ipxe-deploy.ipxe', plan.ipxe_script ?? '');
});

test('the installed system of a partition image', () => {
  const script = scriptOf({ boot: 'instance', deploy: undefined, instance });
  assert.doesNotMatch(script, /deployment_key|ingot\.token/);
  checkGolden('ipxe-boot.ipxe', script);
});

test('boots a machine with its own boot loader from its disk', () => {
  checkGolden('ipxe-local.ipxe', scriptOf({ boot: 'local', deploy: undefined, instance: undefined }));
});

test('rejects what iPXE would interpret as a command or setting', () => {
  for (const value of ['a || shell', 'a\nshell', `\${http}`, '`x`', 'a&&b']) {
    const deploy = { kernel: '/k', ramdisk: '/r', parameters: { 'ingot.token': value } };
    assert.throws(() => scriptOf({ deploy }), { code: 'badRequest' });
  }
  assert.throws(() => scriptOf({ boot: 'instance', instance: { ...instance, root: `\${root}` } }), { code: 'badRequest' });
});

test('requires a port with pxe_enabled', () => {
  ipxeBoot.validate(aBootNode);
  assert.throws(() => ipxeBoot.validate({ ...aBootNode, ports: [] }), { code: 'driverInfo', message: /pxe_enabled/ });
});

test('rejects an invalid client id before the machine is changed', () => {
  const withId = (id: string | number) => ({
    ...aBootNode,
    ports: aBootNode.ports.map((port) => ({ ...port, extra: { 'client-id': id } })),
  });
  ipxeBoot.validate(withId('ff:00:00:00:00:00:02:00:00:02:c9:00:7c:fe:90:03:00:29:26:52'));
  for (const id of ['*', 'ff:00,ignore', 7])
    assert.throws(() => ipxeBoot.validate(withId(id)), { code: 'driverInfo', message: /extra\/client-id of port 52:54/ });
});

test('rejects kernel parameters of a node that would lead its agent to another server', () => {
  for (const word of [
    'ipa-api-url=http://192.0.2.1',
    'ipa-agent-token=x',
    'ipa-insecure',
    'ingot.url=http://192.0.2.1',
    'BOOTIF=01-x',
  ]) {
    const node = { ...aBootNode, driver_info: { kernel_append_params: `quiet ${word}` } };
    assert.throws(() => ipxeBoot.validate(node), { code: 'driverInfo', message: /which Ingot sets/ }, word);
    assert.throws(() => scriptOf({ node }), { code: 'driverInfo' }, word);
  }
  ipxeBoot.validate({ ...aBootNode, driver_info: { kernel_append_params: 'ipa-debug=1 ipa-ntp-server=192.0.2.7' } });
});

test('rejects an unknown agent', () => {
  const using = (agent: string) => () => ipxeBoot.validate({ ...aBootNode, driver_info: { agent } });
  using('ipa')();
  assert.throws(using('x'), { code: 'driverInfo', message: /agent must be one of/ });
});

test('rejects unsafe kernel parameters of a node', () => {
  const attacks = [
    'a\nchain http://192.0.2.1/',
    'a && shell',
    'a || shell',
    'a; reboot',
    ['$', '{net0/mac}'].join(''),
    'a\r#!ipxe',
    'a\tb',
    'a"b',
    'a\0b',
    'a #',
  ];
  for (const kernel_append_params of attacks) {
    const node = { ...aBootNode, driver_info: { kernel_append_params } };
    assert.throws(() => ipxeBoot.validate(node), { code: 'driverInfo' }, kernel_append_params);
    assert.throws(
      () => scriptOf({ node }),
      (error: { code?: string }) => ['badRequest', 'driverInfo'].includes(error.code ?? ''),
    );
  }
});
