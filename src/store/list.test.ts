import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aStore } from '#test/a-store.ts';
import {
  allOf,
  anyOf,
  type Condition,
  compares,
  contains,
  everything,
  hasItem,
  hasItemWith,
  hasMember,
  isAmong,
  isEqual,
  isNot,
  isOneOf,
  nothing,
} from './conditions.ts';
import { type ListQuery, listKeys, listRows, readRows, type TableReading } from './list.ts';
import { listTables } from './list-tables.ts';
import type { Image } from './tables/images.ts';

const store = await aStore();
after(() => store.close());

const at = (index: number) => `2026-11-0${index}T00:00:00.000Z`;
const rows: Partial<Image>[] = [
  { id: 'a', name: 'Alpha', size: 10, tags: ['x', 'y"'], properties: { os: 'linux', 'od"d': '1' }, protected: true },
  { id: 'b', name: null, size: null, tags: [], properties: {} },
  { id: 'c', name: '50%_', size: 30, tags: ['x'], properties: { os: 'bsd' } },
  { id: 'd', name: 'alpha', size: 20, tags: ['z'], properties: { os: 'linux' } },
];
for (const [index, row] of rows.entries()) {
  const fixed = { status: 'active', visibility: 'private', owner: 'p', min_disk: 0, min_ram: 0, protected: false };
  await store.images.insert({ ...fixed, ...row, created_at: at(index + 1), updated_at: at(index + 1) });
}
const port = { name: '', network_id: 'n', project_id: 'p', device_id: '', device_owner: '', status: 'DOWN', description: '' };
const times = { created_at: at(1), updated_at: at(1) };
await store.ports.insert({
  ...{ ...port, ...times, id: 'port', mac_address: 'm', admin_state_up: true, owned_by_server: false },
  fixed_ips: [
    { subnet_id: 's1', ip_address: '10.0.0.1' },
    { subnet_id: 's2', ip_address: '10.0.0.2' },
  ],
});

const idOrder: TableReading = { id: 'id', order: [{ column: 'id' }] };
/** The same table as one with small rows, and as one that is tested in batches. */
const readings = { inOneQuery: idOrder, inBatches: { ...idOrder, scanned: 1, read: 2 }, ofImages: listTables.images };

async function idsOf(table: TableReading, query: Partial<ListQuery>, visible: Condition[] = []): Promise<string[]> {
  const source = { collection: store.images, table, visible };
  const { items } = await listKeys(source, { where: [], ...query });
  return items.map((key) => (key as Image).id);
}

const conditions: [name: string, condition: Condition, ids: string[]][] = [
  ['equal text', isEqual('name', 'alpha'), ['d']],
  ['NULL', isEqual('name', null), ['b']],
  ['NULL among others', isOneOf('name', ['Alpha', null]), ['a', 'b']],
  ['no value', isOneOf('name', []), []],
  ['boolean', isEqual('protected', true), ['a']],
  ['number', isOneOf('size', [10, 20]), ['a', 'd']],
  ['less', compares('size', '<', 30), ['a', 'd']],
  ['text in any case', contains('name', 'LPH'), ['a', 'd']],
  ['text at the start', contains('name', 'ALP', 'atStart'), ['a', 'd']],
  ['text that is elsewhere than at the start', contains('name', 'lph', 'atStart'), []],
  ['text at the end', contains('name', 'PHA', 'atEnd'), ['a', 'd']],
  ['text with wildcards of LIKE', contains('name', '%_'), ['c']],
  ['an item of a list', hasItem('tags', ['x']), ['a', 'c']],
  ['an item with a quote', hasItem('tags', ['y"', 'z']), ['a', 'd']],
  ['a member of an object', hasMember('properties', 'os', ['linux']), ['a', 'd']],
  ['a member whose name has a quote', hasMember('properties', 'od"d', ['1']), ['a']],
  ['an absent member', hasMember('properties', 'none', ['1']), []],
  ['both', allOf(hasItem('tags', ['x']), isEqual('size', 30)), ['c']],
  ['either', anyOf(isEqual('id', 'b'), isEqual('id', 'd')), ['b', 'd']],
  ['not, which NULL satisfies', isNot(isEqual('name', 'Alpha')), ['b', 'c', 'd']],
  ['everything', everything, ['a', 'b', 'c', 'd']],
  ['nothing', nothing, []],
  [
    'rows of another table',
    isAmong('owner', { table: 'ports', select: 'project_id', where: [isEqual('id', 'port')] }),
    ['a', 'b', 'c', 'd'],
  ],
  ['no rows of another table', isAmong('owner', { table: 'ports', select: 'project_id', where: [isEqual('id', 'x')] }), []],
];

for (const [name, condition, ids] of conditions) {
  test(`a list by ${name}`, async () => {
    for (const table of [readings.inOneQuery, readings.inBatches])
      assert.deepEqual(await idsOf(table, { where: [condition] }), ids);
  });
}

test('a list by a member of one of several items', async () => {
  const found = async (key: string, values: string[]) => (await store.ports.list([hasItemWith('fixed_ips', key, values)])).length;

  assert.equal(await found('ip_address', ['10.0.0.2', 'other']), 1);
  assert.equal(await found('subnet_id', ['10.0.0.2']), 0);
  assert.equal(await found('ip_address', []), 0);
});

const orders: [name: string, query: Partial<ListQuery>, ids: string][] = [
  ['by name, NULL first', { sort: [{ column: 'name' }] }, 'bcad'],
  ['by name, NULL last', { sort: [{ column: 'name', descending: true }] }, 'dacb'],
  ['by size', { sort: [{ column: 'size' }] }, 'badc'],
  ['by owner, then in the order of the table', { sort: [{ column: 'owner', descending: true }] }, 'abcd'],
  ['by a repeated key', { sort: [{ column: 'size' }, { column: 'size', descending: true }] }, 'badc'],
  ['in the order of the table', {}, 'abcd'],
];

for (const [name, query, ids] of orders) {
  test(`pages ${name} follow each other, forwards and backwards`, async () => {
    for (const table of [readings.inOneQuery, readings.inBatches]) {
      const source = { collection: store.images, table, visible: [] };
      const walk = async (reverse: boolean) => {
        const walked: string[] = [];
        for (let marker: string | undefined, isLast = false; !isLast; ) {
          const page = await listKeys(source, { where: [], ...query, limit: 2, marker, reverse });
          const found = page.items.map((key) => (key as Image).id);
          walked.splice(reverse ? 0 : walked.length, 0, ...found);
          marker = page.next;
          isLast = marker === undefined;
        }
        return walked.join('');
      };

      assert.equal(await walk(false), ids);
      assert.equal(await walk(true), ids);
    }
  });
}

test('lists images newest first, with their rows in the order of the page', async () => {
  const ids = await idsOf(readings.ofImages, {});
  const read = await Array.fromAsync(readRows(store.images, readings.inBatches, [{ id: 'd' }, { id: 'gone' }, { id: 'a' }]));

  assert.equal(ids.join(''), 'dcba');
  assert.deepEqual(
    read.map((batch) => batch.map(({ id }) => id)),
    [['d'], ['a']],
  );
});

test('tests conditions outside of SQL in batches until the page is full', async () => {
  const tested: string[] = [];
  const keep = (batch: readonly object[]) => {
    tested.push(...batch.map((row) => (row as Image).id));
    return batch.filter((row) => (row as Image).id !== 'b');
  };
  const source = { collection: store.images, table: readings.inBatches, visible: [isNot(isEqual('id', 'c'))] };
  const { items, next } = await listKeys(source, { where: [], limit: 1, keep });

  assert.deepEqual(items, [{ id: 'a' }]);
  assert.equal(next, 'a');
  assert.deepEqual(tested, ['a', 'b', 'd']);
  assert.equal((await listKeys(source, { where: [], sort: [{ column: 'size', descending: true }], keep })).items.length, 2);
});

test('rejects a marker that the caller may not see, and does not list others', async () => {
  const visible = [isNot(isEqual('id', 'b'))];
  const source = { collection: store.images, table: idOrder, visible };

  assert.deepEqual(await idsOf(idOrder, {}, visible), ['a', 'c', 'd']);
  await assert.rejects(listRows(source, { where: [], marker: 'b' }), { code: 'badRequest' });
  assert.deepEqual(
    (await listRows(source, { where: [], marker: 'c' })).items.map(({ id }) => id),
    ['d'],
  );
});

test('limits a page to the length that the source allows, and reports whether another follows', async () => {
  const source = { collection: store.images, table: idOrder, visible: [], maximum: 3 };
  const lengths = async (limit: number | undefined) => {
    const { items, next } = await listRows(source, { where: [], limit });
    return [items.length, next];
  };

  assert.deepEqual(await lengths(undefined), [3, 'c']);
  assert.deepEqual(await lengths(0), [3, 'c']);
  assert.deepEqual(await lengths(9), [3, 'c']);
  assert.deepEqual(await lengths(1), [1, 'a']);
});
