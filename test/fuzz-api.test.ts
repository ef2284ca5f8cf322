/**
 * Invalid requests to every changing route of the API, from a seeded generator: none may cause an internal error (500).
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openFullApi, strangeQueries } from './fuzz/api-requests.ts';
import { dice, seedOf } from './fuzz/dice.ts';
import { openDocumentedRequests } from './fuzz/documented-requests.ts';
import { createApiFixture } from './fuzz/http-bodies.ts';

const api = await openFullApi();
after(() => api.fixture.close());

const seed = Number(process.env['FUZZ_SEED'] ?? 20240607);
const rounds = Number(process.env['FUZZ_ROUNDS'] ?? 12) * api.requestTable.length;

test(`malformed bodies are never answered with 500 (FUZZ_SEED=${seed})`, async () => {
  const { make, feed } = createApiFixture(api);
  for (let round = 0; round < rounds; round++) await feed(make(dice(seedOf('api', seed, round))));
});

test(`requests as documented are never answered with 500, and change nothing when refused (FUZZ_SEED=${seed})`, async (t) => {
  const { make, feed, close } = await openDocumentedRequests();
  t.after(close);
  for (let round = 0; round < rounds; round++) await feed(make(dice(seedOf('documented', seed, round))));
});

test('malformed queries are never answered with 500', async () => {
  const defects: string[] = [];
  for (const url of api.readTable) {
    for (const query of strangeQueries) {
      const { status } = await api.fixture.ask({ url: `${url}?${query}` });
      if (status === 500) defects.push(`GET ${url}?${query}`);
    }
  }
  assert.deepEqual(defects, []);
});
