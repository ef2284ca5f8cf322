import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aStore } from '#test/a-store.ts';

for (const descending of [false, true]) {
  test(`pages by the last row make up the whole list, including NULL, ${descending ? 'downwards' : 'upwards'}`, async () => {
    const store = await aStore();
    const names = [null, 'b', 'a', null, 'c', 'b', null, 'a'];
    for (const [index, email] of names.entries()) {
      const credential = { id: `c${index}`, name: 'c', user_id: `u${index}`, project_id: 'p', roles: [], secret_hash: '' };
      await store.application_credentials.insert({ ...credential, description: '', expires_at: email });
    }
    const order = [{ column: 'expires_at', descending }, { column: 'id' }];
    const credentials = store.application_credentials;
    const all = await credentials.list({}, { order });

    const paged = await credentials.list({}, { order, limit: 3 });
    while (paged.length < names.length) {
      const page = await credentials.list({}, { order, limit: 3, after: paged.at(-1) });
      assert.ok(page.length > 0);
      paged.push(...page);
    }

    assert.deepEqual(paged, all);
    assert.deepEqual(all[descending ? names.length - 1 : 0]?.expires_at, null);
    assert.deepEqual(await credentials.list({}, { order, limit: 3, after: all.at(-1) }), []);
    await store.close();
  });
}
