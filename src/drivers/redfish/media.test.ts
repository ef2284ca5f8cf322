import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { collectionOf, type RedfishTree, startRedfishTree, type TreeReply } from '#test/a-redfish-tree.ts';
import { faultOf } from '#test/fault-of.ts';
import { createRedfishMedia } from './media.ts';

const [systemPath, managerPath] = ['/redfish/v1/Systems/1', '/redfish/v1/Managers/1'];
const pollTiming = { pollMs: 2, retryMs: 2 };
const image = 'http://172.30.0.1:8088/boot.iso';

type Slot = { path: string; types?: string[]; actions?: boolean; fields?: JsonObject };
type Options = { on?: 'system' | 'manager'; slots?: readonly Slot[]; vendor?: string; effectMs?: number };

/** Virtual media slots that work as specified. */
async function setUp(t: TestContext, { on = 'manager', slots, vendor = 'Example', effectMs = 10_000 }: Options = {}) {
  const base = `${on === 'system' ? systemPath : managerPath}/VirtualMedia`;
  const all: readonly Slot[] = slots ?? [{ path: 'Floppy1', types: ['Floppy', 'USBStick'] }, { path: 'CD1' }];
  const media = { VirtualMedia: { '@odata.id': base } };
  const links = { ManagedBy: [{ '@odata.id': managerPath }] };
  const tree = await startRedfishTree(t, {
    [systemPath]: { '@odata.id': systemPath, Manufacturer: vendor, Links: links, ...(on === 'system' && media) },
    [managerPath]: { '@odata.id': managerPath, ...(on === 'manager' && media) },
    [base]: collectionOf(all.map(({ path }) => `${base}/${path}`)),
    ...Object.fromEntries(all.map((slot) => [`${base}/${slot.path}`, slotOf(base, slot)])),
  });
  for (const { path } of all) executeActions(tree, `${base}/${path}`);
  return { tree, node: tree.node, base, media: createRedfishMedia(tree.withSystem, { ...pollTiming, effectMs }) };
}

function slotOf(base: string, { path, types = ['CD', 'DVD'], actions = true, fields }: Slot): JsonObject {
  const target = (name: string) => ({ target: `${base}/${path}/Actions/VirtualMedia.${name}` });
  const Actions = { '#VirtualMedia.InsertMedia': target('InsertMedia'), '#VirtualMedia.EjectMedia': target('EjectMedia') };
  return {
    '@odata.id': `${base}/${path}`,
    Id: path,
    MediaTypes: types,
    Inserted: false,
    Image: null,
    ...(actions && { Actions }),
    ...fields,
  };
}

function executeActions(tree: RedfishTree, path: string): void {
  const change = (fields: JsonObject): TreeReply => {
    tree.resources.set(path, { ...tree.resources.get(path), ...fields });
    return { status: 204 };
  };
  tree.rules.set(`POST ${path}/Actions/VirtualMedia.InsertMedia`, ({ body }) =>
    change({ Inserted: true, Image: body['Image'] ?? null }),
  );
  tree.rules.set(`POST ${path}/Actions/VirtualMedia.EjectMedia`, () => change({ Inserted: false, Image: null }));
}

const done = (tree: RedfishTree) =>
  tree.changes.map(({ method, path, body }) => ({ [`${method} ${path.split('/VirtualMedia/')[1]}`]: body }));
const [insertCd, ejectCd] = ['POST CD1/Actions/VirtualMedia.InsertMedia', 'POST CD1/Actions/VirtualMedia.EjectMedia'];

suite('virtual media', () => {
  for (const on of ['system', 'manager'] as const) {
    test(`lists, inserts and ejects virtual media of the ${on}`, async (t) => {
      const { media, node, tree } = await setUp(t, { on });
      await media.insert(node, 'cdrom', image);
      const floppy = { device: 'floppy', inserted: false, image: null };
      assert.deepEqual(await media.slots(node), [floppy, { device: 'cdrom', inserted: true, image }]);
      await media.eject(node, 'cdrom');
      await media.eject(node, 'cdrom');
      assert.deepEqual(await media.slots(node), [floppy, { device: 'cdrom', inserted: false, image: null }]);
      assert.deepEqual(done(tree), [{ [insertCd]: { Image: image } }, { [ejectCd]: {} }]);
    });
  }

  test('empties an occupied slot first, whatever it contains', async (t) => {
    const { media, node, tree } = await setUp(t, { slots: [{ path: 'CD1', fields: { Inserted: true, Image: image } }] });
    await media.insert(node, 'cdrom', image);
    assert.deepEqual(done(tree), [{ [ejectCd]: {} }, { [insertCd]: { Image: image } }]);
  });

  test('inserts a USB stick into a matching slot', async (t) => {
    const { media, node, tree } = await setUp(t);
    await media.insert(node, 'disk', image);
    assert.deepEqual(done(tree), [{ 'POST Floppy1/Actions/VirtualMedia.InsertMedia': { Image: image } }]);
  });

  test('writes to a slot without actions', async (t) => {
    const { media, node, tree } = await setUp(t, { slots: [{ path: 'EXT1', actions: false }] });
    await media.insert(node, 'cdrom', image);
    await media.eject(node, 'cdrom');
    const [put, empty] = [
      { Image: image, Inserted: true, WriteProtected: true },
      { Image: null, Inserted: false },
    ];
    assert.deepEqual(done(tree), [{ 'PATCH EXT1': put }, { 'PATCH EXT1': empty }]);
  });

  test('tries the next slot after one that takes no images', async (t) => {
    const onlyEject = { '#VirtualMedia.EjectMedia': { target: '/nowhere' } };
    const slots = [{ path: 'CD0', fields: { Actions: onlyEject } }, { path: 'CDx' }, { path: 'CD1', types: ['DVD'] }];
    const { media, node, tree, base } = await setUp(t, { slots });
    tree.rules.set(`POST ${base}/CDx/Actions/VirtualMedia.InsertMedia`, () => ({ status: 400, body: {} }));
    await media.insert(node, 'cdrom', image);
    assert.deepEqual(Object.keys(done(tree).at(-1) ?? {}), [insertCd]);
  });

  test('names the protocol if the service requires it', async (t) => {
    const { media, node, tree, base } = await setUp(t);
    const key = `POST ${base}/CD1/Actions/VirtualMedia.InsertMedia`;
    const executeAction = tree.rules.get(key);
    const missing = { MessageId: 'Base.1.8.ActionParameterMissing', Message: 'TransferProtocolType is required.' };
    tree.rules.set(key, (asked) =>
      'TransferProtocolType' in asked.body && executeAction
        ? executeAction(asked)
        : { status: 400, body: { error: { '@Message.ExtendedInfo': [missing] } } },
    );
    await media.insert(node, 'cdrom', image);
    assert.deepEqual(tree.changes.at(-1)?.body, { Image: image, TransferProtocolType: 'HTTP' });
  });

  test('raises a fault if a change was accepted without effect', async (t) => {
    const { media, node, tree, base } = await setUp(t, { effectMs: 60 });
    tree.rules.set(`POST ${base}/CD1/Actions/VirtualMedia.InsertMedia`, () => ({ status: 204 }));
    const { code, message } = await faultOf(media.insert(node, 'cdrom', image));
    assert.equal(code, 'bmcError');
    assert.match(message, /still empty/);
  });

  test('is unsupported on hardware without slots', async (t) => {
    const { media, node } = await setUp(t, { slots: [{ path: 'F', types: ['Floppy'] }] });
    assert.equal((await faultOf(media.insert(node, 'cdrom', image))).code, 'unsupportedByHardware');
  });
});

suite('what certain vendors need', () => {
  test('Dell: retries an insert while the eject is in progress', async (t) => {
    const { media, node, tree, base } = await setUp(t, { vendor: 'Dell Inc.' });
    const key = `POST ${base}/CD1/Actions/VirtualMedia.InsertMedia`;
    const executeAction = tree.rules.get(key);
    let refusals = 2;
    tree.rules.set(key, (asked) => (refusals-- > 0 || !executeAction ? { status: 500, body: {} } : executeAction(asked)));
    await media.insert(node, 'cdrom', image);
    assert.equal(tree.changes.length, 3);
  });

  test('others: no retry', async (t) => {
    const { media, node, tree, base } = await setUp(t);
    tree.rules.set(`POST ${base}/CD1/Actions/VirtualMedia.InsertMedia`, () => ({ status: 500, body: {} }));
    await faultOf(media.insert(node, 'cdrom', image));
    assert.equal(tree.changes.length, 1);
  });

  test('Lenovo: prefers slots that fetch images to those for uploads', async (t) => {
    const { media, node, tree } = await setUp(t, { vendor: 'Lenovo', slots: [{ path: 'RDOC1' }, { path: 'EXT1' }] });
    await media.insert(node, 'cdrom', image);
    assert.deepEqual(done(tree), [{ 'POST EXT1/Actions/VirtualMedia.InsertMedia': { Image: image } }]);
  });

  test('Supermicro: treats a slot that is not connected as empty', async (t) => {
    const fields = { Image: image, ConnectedVia: 'NotConnected', Inserted: true };
    const { media, node } = await setUp(t, { vendor: 'Supermicro', slots: [{ path: 'CD1', fields }] });
    assert.deepEqual(await media.slots(node), [{ device: 'cdrom', inserted: false, image: null }]);
  });
});
