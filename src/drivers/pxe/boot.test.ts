import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aBootNode, aBootRequest, aRoot } from '#test/a-boot-request.ts';
import { checkGolden } from '#test/golden/check-golden.ts';
import { pxeBoot } from './index.ts';

const configOf = (changes: Parameters<typeof aBootRequest>[0]) => pxeBoot.plan(aBootRequest(changes)).pxelinux_config ?? '';
const instance = { kernel: '/images/user.vmlinuz', ramdisk: '/images/user.initrd', root: aRoot };

test('a deployment boots the label deploy and also has the label boot', () => {
  const plan = pxeBoot.plan(aBootRequest());
  assert.equal(plan.firmware, 'pxelinux');
  assert.deepEqual(
    plan.files.map(({ name }) => name),
    ['deploy_kernel', 'deploy_ramdisk', 'kernel', 'ramdisk'],
  );
  checkGolden('pxelinux-deploy.cfg', plan.pxelinux_config ?? '');
});

test('the label boot is the default after the deployment, without the key', () => {
  const config = configOf({ boot: 'instance', deploy: undefined, instance });
  assert.doesNotMatch(config, /deployment_key|ingot\.token/);
  checkGolden('pxelinux-boot.cfg', config);
});

test('boots a machine with its own boot loader from its disk', () => {
  checkGolden('pxelinux-local.cfg', configOf({ boot: 'local', deploy: undefined, instance: undefined }));
});

test('the order of parameters does not depend on their input order', () => {
  const parameters = { 'ingot.url': 'http://a', disk: 'sda', selinux: '0', another: '1' };
  const reversed = Object.fromEntries(Object.entries(parameters).reverse());
  const deploy = { kernel: '/k', ramdisk: '/r' };
  assert.equal(configOf({ deploy: { ...deploy, parameters } }), configOf({ deploy: { ...deploy, parameters: reversed } }));
});

test('rejects what would add a line or parameter, without quoting its value', () => {
  for (const value of ['a\nlabel x', 'a b', 'a"b', `\${net0/mac}`, '', 'a\\', 'a\r', 'ä']) {
    const deploy = { kernel: '/k', ramdisk: '/r', parameters: { deployment_key: value } };
    const attempt = () => configOf({ deploy });
    if (value === '') assert.match(attempt(), / deployment_key= /);
    else assert.throws(attempt, (error: Error) => /"deployment_key"/.test(error.message) && !error.message.includes(value));
  }
  assert.throws(() => configOf({ boot: 'instance', instance: { ...instance, root: 'UUID=1 init=/bin/sh' } }), /root/);
  assert.throws(() => configOf({ append: 'quiet\nlabel x' }), { code: 'badRequest' });
  assert.throws(() => configOf({ deploy: { kernel: '/k', ramdisk: '/r', parameters: { 'a b': '1' } } }), { code: 'badRequest' });
});

test('rejects a kernel command line that the kernel would truncate', () => {
  const parameters = { long: 'x'.repeat(2048) };
  assert.throws(() => configOf({ deploy: { kernel: '/k', ramdisk: '/r', parameters } }), /2047/);
});

test('consoles in the append setting replace the default', () => {
  const config = configOf({ append: 'console=ttyS1' });
  assert.doesNotMatch(config, /ttyS0/);
  assert.match(config, /console=ttyS1/);
});

test('adds the parameters of a node', () => {
  const node = { ...aBootNode, driver_info: { kernel_append_params: 'pci=nomsi' } };
  assert.match(configOf({ node }), /vga=normal pci=nomsi\n/);
});

test('rejects a request without the files to boot', () => {
  assert.throws(() => configOf({ deploy: undefined }), { code: 'badRequest' });
  assert.throws(() => configOf({ boot: 'instance' }), /root/);
});

test('requires a port with pxe_enabled', () => {
  pxeBoot.validate(aBootNode);
  const silent = { ...aBootNode, ports: aBootNode.ports.map((port) => ({ ...port, pxe_enabled: false })) };
  assert.throws(() => pxeBoot.validate(silent), { code: 'driverInfo', message: /pxe_enabled/ });
  assert.throws(() => pxeBoot.validate({ ...aBootNode, driver_info: { kernel_append_params: 'a\nb' } }), { code: 'driverInfo' });
});

test('gives no BIOS program to a machine known to boot by UEFI', () => {
  const node = { ...aBootNode, properties: { capabilities: 'disk_label:gpt,boot_mode:uefi' } };
  assert.throws(() => pxeBoot.validate(node), { code: 'driverInfo', message: /boots by ipxe/ });
  assert.throws(() => configOf({ node }), { code: 'driverInfo' });
});
