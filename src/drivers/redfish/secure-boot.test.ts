import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRedfishTree } from '#test/a-redfish-tree.ts';
import { createRedfishSecureBoot } from './secure-boot.ts';
import { createRedfishVendor } from './vendor.ts';

const path = '/redfish/v1/Systems/1/SecureBoot';
const system = {
  SecureBoot: { '@odata.id': path },
  Links: { Chassis: [{ '@odata.id': '/redfish/v1/Chassis/1' }], ManagedBy: [{ '@odata.id': '/redfish/v1/Managers/1' }] },
};
/** Resource as on iLO 6 and in the DMTF mockup. */
const secureBoot = {
  SecureBootEnable: false,
  SecureBootCurrentBoot: 'Disabled',
  SecureBootMode: 'UserMode',
  Actions: { '#SecureBoot.ResetKeys': { target: `${path}/Actions/SecureBoot.ResetKeys` } },
};

test('reads and switches secure boot, and writes nothing if nothing changes', async (t) => {
  const { node, withSystem, changes } = await startRedfishTree(t, { '/redfish/v1/Systems/1': system, [path]: secureBoot });
  const driver = createRedfishSecureBoot(withSystem);
  assert.equal(await driver.getSecureBoot(node), false);

  await driver.setSecureBoot(node, false);
  await driver.setSecureBoot(node, true);

  assert.equal(await driver.getSecureBoot(node), true);
  assert.deepEqual(
    changes.map(({ method, body }) => [method, body]),
    [['PATCH', { SecureBootEnable: true }]],
  );
});

test('reports a machine without secure boot', async (t) => {
  const { node, withSystem } = await startRedfishTree(t, { '/redfish/v1/Systems/1': system });
  const driver = createRedfishSecureBoot(withSystem);
  assert.equal(await driver.getSecureBoot(node), null);
  await assert.rejects(driver.setSecureBoot(node, true), /does not support secure boot/);
});

test('resets keys as far as the service allows', async (t) => {
  const target = `${path}/Actions/SecureBoot.ResetKeys`;
  const { node, withSystem, changes, resources } = await startRedfishTree(
    t,
    { '/redfish/v1/Systems/1': system, [path]: secureBoot },
    { rules: { [`POST ${target}`]: () => ({ status: 200, body: {} }) } },
  );
  const reset = createRedfishVendor({ withSystem, rawPaths: 'none' }).methods['secure_boot_reset_keys'];

  await reset?.run(node, {});
  await reset?.run(node, { type: 'DeletePK' });
  assert.deepEqual(
    changes.map(({ body }) => body),
    [{ ResetKeysType: 'ResetAllKeysToDefault' }, { ResetKeysType: 'DeletePK' }],
  );

  await assert.rejects(async () => await reset?.run(node, { type: 'All' }), /badRequest|type/);
  resources.set(path, {
    ...secureBoot,
    Actions: { '#SecureBoot.ResetKeys': { target, 'ResetKeysType@Redfish.AllowableValues': ['DeleteAllKeys'] } },
  });
  await assert.rejects(
    async () => await reset?.run(node, { type: 'DeletePK' }),
    /does not support DeletePK; it supports DeleteAllKeys/,
  );
  assert.equal(changes.length, 2);
});
