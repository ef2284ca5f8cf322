import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compile } from 'typebox/schema';
import { type JsonSchema, schemaAt, versionsIn } from './schema-at-version.ts';

const published = {
  type: 'object',
  properties: {
    thing: {
      type: 'object',
      properties: {
        id: { type: 'string', format: 'uuid' },
        old: { type: 'string', 'x-openstack': { 'max-ver': '2.9' } },
        new: { type: ['string', 'null'], 'x-openstack': { 'min-ver': '2.10' } },
        more: { $ref: '#/components/schemas/More' },
      },
    },
  },
} satisfies JsonSchema;
const components = { More: { type: 'object', additionalProperties: { type: 'integer' } } };
const id = '11111111-1111-4111-8111-111111111111';

const isValid = (version: string, thing: object) =>
  Compile(schemaAt(published, components, version)).Check({ thing: { id, more: { a: 1 }, ...thing } });

test('requires a field in the versions that have it, and rejects it in others', () => {
  assert.equal(isValid('2.9', { old: 'x' }), true);
  assert.equal(isValid('2.9', {}), false);
  assert.equal(isValid('2.9', { old: 'x', new: 'y' }), false);
  assert.equal(isValid('2.10', { new: null }), true);
  assert.equal(isValid('2.10', { old: 'x', new: null }), false);
});

test('checks types, formats and referenced schemas', () => {
  assert.equal(isValid('2.10', { new: 1 }), false);
  assert.equal(isValid('2.10', { new: null, id: 'no uuid' }), false);
  assert.equal(isValid('2.10', { new: null, more: { a: 'x' } }), false);
});

test('finds the versions before and after each change', () => {
  assert.deepEqual(versionsIn(published), ['2.9', '2.10']);
});
