import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { agentEntries, agentEntry, agentModules } from './agent-layer.ts';
import { scriptFiles } from './base-layer.ts';
import { runRamdiskCommand } from './command.ts';
import { selectModules } from './kernel-modules.ts';

test('the agent in the ramdisk is plain JavaScript without packages', () => {
  const modules = agentModules(agentEntry);
  assert.ok(modules.size > 10);
  for (const [path, code] of modules) {
    const imports = [...code.matchAll(/from '([^']+)'/g)].map(([, name]) => name as string);
    assert.ok(
      imports.every((name) => name.startsWith('node:') || (name.startsWith('.') && name.endsWith('.js'))),
      path,
    );
  }
  const paths = [...agentEntries()].map(({ path }) => path);
  assert.ok(paths.includes('opt/ingot/agent/main.js') && paths.includes('opt/ingot/agent-protocol/routes.js'));
  assert.ok(
    paths.indexOf('opt') < paths.indexOf('opt/ingot') &&
      paths.indexOf('opt/ingot/agent') < paths.indexOf('opt/ingot/agent/main.js'),
  );
});

test('the shell of the ramdisk parses its scripts', {
  skip: existsSync('/usr/bin/busybox') ? false : 'needs busybox',
}, () => {
  for (const file of scriptFiles) execFileSync('busybox', ['sh', '-n', file]);
});

const dependencies = `kernel/drivers/net/virtio_net.ko: kernel/net/core/failover.ko kernel/drivers/virtio/virtio.ko
kernel/drivers/virtio/virtio.ko:
kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko
kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko:
kernel/drivers/net/ethernet/intel/ixgbe/ixgbe.ko: kernel/drivers/mdio.ko
kernel/net/core/failover.ko:
`;

test('includes the dependencies of kernel modules, by name or by folder', () => {
  assert.deepEqual(selectModules(dependencies, ['virtio_net', 'virtio_rng']), [
    'kernel/drivers/char/hw_random/virtio-rng.ko',
    'kernel/drivers/net/virtio_net.ko',
    'kernel/drivers/virtio/virtio.ko',
    'kernel/net/core/failover.ko',
  ]);
  assert.deepEqual(selectModules(dependencies, ['drivers/net/ethernet/intel/']), [
    'kernel/drivers/mdio.ko',
    'kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko',
    'kernel/drivers/net/ethernet/intel/ixgbe/ixgbe.ko',
  ]);
  assert.throws(() => selectModules(dependencies, ['zfs']), /the kernel has no module zfs/);
});

test('reports wrong usage on standard error with exit status 2', async (t) => {
  const shown: string[] = [];
  t.mock.method(process.stderr, 'write', (text: string) => shown.push(text) > 0);
  assert.equal(await runRamdiskCommand(['build', '--profile', 'toaster']), 2);
  assert.equal(await runRamdiskCommand(['cook']), 2);
  assert.equal(await runRamdiskCommand(['build', '--fast']), 2);
  assert.match(shown.join(''), /--fast/);
});
