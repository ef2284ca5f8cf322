import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coverStatements } from './statement-cover.ts';

test('chooses files until each part of a statement is run', () => {
  const files = [
    { file: 'some', statements: ['select "id" from "nodes" where "name" = ?'] },
    { file: 'most', statements: ['select "id" from "nodes" where "name" = ? and "owner" = ?', 'delete from "nodes"'] },
    { file: 'others', statements: ['update "nodes" set "name" = ?'] },
    { file: 'none', statements: [] },
  ];

  assert.deepEqual(coverStatements(files), ['most', 'others']);
});

test('the same column of another table, and in another kind of statement, is another part', () => {
  const files = [
    { file: 'nodes', statements: ['select * from "nodes" where "id" = ?'] },
    { file: 'ports', statements: ['select * from "ports" where "id" = ?'] },
    { file: 'removed', statements: ['delete from "nodes" where "id" = ?'] },
  ];

  assert.deepEqual(coverStatements(files).toSorted(), ['nodes', 'ports', 'removed']);
});
