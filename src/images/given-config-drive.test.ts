import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { readGivenConfigDrive } from './given-config-drive.ts';

test('decodes an image, compressed or not', async () => {
  const image = Buffer.from('an image');
  assert.deepEqual(await readGivenConfigDrive({ iso: image.toString('base64') }), image);
  assert.deepEqual(await readGivenConfigDrive({ iso: `${gzipSync(image).toString('base64')}\n` }), image);
});

test('decompresses beside the event loop', async () => {
  const large = gzipSync(Buffer.alloc(64 * 1024 ** 2)).toString('base64');
  let isRead = false;
  const image = readGivenConfigDrive({ iso: large }).finally(() => (isRead = true));
  await setImmediate();
  assert.equal(isRead, false);
  assert.equal((await image).length, 64 * 1024 ** 2);
});

test('refuses a compressed image that is larger than its partition', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 ** 2 + 1)).toString('base64');
  await assert.rejects(readGivenConfigDrive({ iso: bomb }), { code: 'badRequest', message: /at most 64 MiB/ });
});

test('writes documents to an image with the label of a config drive', async () => {
  const drive = await readGivenConfigDrive({ meta_data: { uuid: 'u' }, user_data: '#!/bin/sh\n', vendor_data: { a: 1 } });
  const text = drive.toString('latin1');
  for (const part of ['CD001', '{"uuid":"u"}', '#!/bin/sh\n', '{"a":1}']) assert.ok(text.includes(part), part);
  assert.ok(drive.toString('utf16le', 1).includes('config-2') || text.includes('config-2') || text.includes('CONFIG-2'));
});

test('refuses documents of other types', async () => {
  for (const document of [{ meta_data: 'text' }, { user_data: 1 }, { network_data: [] }])
    await assert.rejects(readGivenConfigDrive(document as never), { code: 'badRequest' });
});
