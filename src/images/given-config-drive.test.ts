import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readGivenConfigDrive } from './given-config-drive.ts';

test('decodes an image, compressed or not', () => {
  const image = Buffer.from('an image');
  assert.deepEqual(readGivenConfigDrive({ iso: image.toString('base64') }), image);
  assert.deepEqual(readGivenConfigDrive({ iso: `${gzipSync(image).toString('base64')}\n` }), image);
});

test('refuses a compressed image that is larger than its partition', () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 ** 2 + 1)).toString('base64');
  assert.throws(() => readGivenConfigDrive({ iso: bomb }), { code: 'badRequest', message: /at most 64 MiB/ });
});

test('writes documents to an image with the label of a config drive', () => {
  const drive = readGivenConfigDrive({ meta_data: { uuid: 'u' }, user_data: '#!/bin/sh\n', vendor_data: { a: 1 } });
  const text = drive.toString('latin1');
  for (const part of ['CD001', '{"uuid":"u"}', '#!/bin/sh\n', '{"a":1}']) assert.ok(text.includes(part), part);
  assert.ok(drive.toString('utf16le', 1).includes('config-2') || text.includes('config-2') || text.includes('CONFIG-2'));
});

test('refuses documents of other types', () => {
  for (const document of [{ meta_data: 'text' }, { user_data: 1 }, { network_data: [] }])
    assert.throws(() => readGivenConfigDrive(document as never), { code: 'badRequest' });
});
