/** Each writable resource responds to any body with a reason, never with an internal error. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultBmcProfile } from '../bmc-profile.ts';
import { createBmcModel } from '../create-bmc-model.ts';
import { createMemoryChassis } from '../memory-chassis.ts';
import { startRedfishService } from './redfish-service.ts';
import { routeTable } from './route-table.ts';
import { ServiceState } from './service-state.ts';

const values = [
  '',
  'x',
  'x'.repeat(5000),
  '\0',
  0,
  -1,
  1e300,
  true,
  null,
  [],
  [[]],
  [null],
  {},
  { a: {} },
  { __proto__: 1 },
  '../../etc',
];
const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'Oem', '@odata.id', 'Id', ''];
const raw = ['', '{', '[]', 'null', '"x"', '{"a":}', '\ufeff{}', `${'['.repeat(10_000)}`, 'a=b'];

test('replies to malformed bodies', async (t) => {
  const users = [{ name: 'admin', password: 'password1', privilege: 'administrator' }] as const;
  const bmcModel = createBmcModel({ chassis: createMemoryChassis(), users });
  const defects: unknown[] = [];
  const onError = (error: unknown) => void defects.push(error);
  const profile = { sessionLimit: 1000, redfish: { taskMs: 0 } };
  const service = await startRedfishService({ address: '127.0.0.1', port: 0, bmcModel, profile, onError });
  const state = new ServiceState({ bmcModel, profile: defaultBmcProfile });
  t.after(() => service.close());
  t.after(() => state.close());
  const { exact, byFolder } = routeTable(state);
  const routes = [...exact.values(), ...byFolder.values()].filter(({ patch, post, raw: isRaw }) => (patch || post) && !isRaw);
  const headers = { authorization: `Basic ${Buffer.from('admin:password1').toString('base64')}` };

  for (const { path, patch } of routes) {
    const method = patch ? 'PATCH' : 'POST';
    const known = [
      ...Object.keys(patch ?? {}),
      'ResetType',
      'Image',
      'ImageURI',
      'Targets',
      'Destination',
      'UserName',
      'Protocol',
    ];
    // The account keeps its password: the test needs it.
    const fields = [...known.filter((name) => name !== 'Password'), ...names];
    const bodies = fields.flatMap((name) =>
      values.map((value) => JSON.stringify({ Destination: 'http://127.0.0.1:1', [name]: value })),
    );
    for (const body of [...bodies, ...raw]) {
      const reply = await fetch(service.url + path.replace('{}', '1'), { method, headers, body });
      await reply.arrayBuffer();
      assert.ok(reply.status < 500 || reply.status === 503, `${method} ${path} ${body.slice(0, 100)}: ${reply.status}`);
    }
  }

  assert.deepEqual(defects, []);
  assert.equal((await fetch(`${service.url}/redfish/v1/Systems/1`, { headers })).status, 200);
});
