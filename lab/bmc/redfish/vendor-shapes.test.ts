/** Each vendor's shape is a consistent service that sushy can navigate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBmcProfiles } from '../../bmc-profile-files.ts';
import { createBmcModel } from '../create-bmc-model.ts';
import { createMemoryChassis } from '../memory-chassis.ts';
import type { Resource } from './messages.ts';
import { startRedfishService } from './redfish-service.ts';
import { defaultRedfishShape } from './redfish-shape.ts';
import { pathsOf } from './service-paths.ts';

const headers = { authorization: `Basic ${Buffer.from('admin:password1').toString('base64')}` };
const vendors = [...loadBmcProfiles().values()].filter(({ name }) => name.startsWith('vendor-'));

for (const { name, behaviour } of vendors) {
  test(`${name}: every link resolves, and power works`, async (t) => {
    const users = [{ name: 'admin', password: 'password1', privilege: 'administrator' }] as const;
    const bmcModel = createBmcModel({ chassis: createMemoryChassis(), users, media: ['cdrom', 'floppy', 'disk'] });
    const service = await startRedfishService({ address: '127.0.0.1', port: 0, bmcModel, profile: behaviour });
    t.after(() => service.close());
    const found = new Set(['/redfish/v1']);
    const absent: string[] = [];
    for (const path of found) {
      const reply = await fetch(service.url + path, { headers });
      if (reply.status !== 200) absent.push(path);
      for (const [, link] of (await reply.text()).matchAll(/"@odata.id":"([^"#]+?)\/?"/g)) found.add(link as string);
    }
    assert.deepEqual(absent, []);

    const { system } = pathsOf({ ...defaultRedfishShape, ...behaviour.redfish });
    const { Actions, Boot } = (await (await fetch(service.url + system, { headers })).json()) as Record<string, Resource>;
    const reset = Actions?.['#ComputerSystem.Reset'] as Resource;
    const on = new Promise<void>((resolve) => void bmcModel.onChange((what) => what === 'power' && resolve()));
    const body = JSON.stringify({ ResetType: 'On' });
    const { status } = await fetch(service.url + reset['target'], { method: 'POST', headers, body });
    await on;
    assert.ok([200, 202, 204].includes(status));
    assert.equal(bmcModel.chassis.power(), 'on');
    assert.equal(Boot?.['BootSourceOverrideEnabled'], 'Disabled');
  });
}
