import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CloudEvent } from '#demo/cloud-client.ts';
import { readImageWrite } from './image-write.ts';

function note(data: CloudEvent['data'], duration_ms: number | null = null, subject = 'image'): CloudEvent {
  return { id: 1, at: '2026-01-01T00:00:00Z', kind: 'note', subject, message: '', duration_ms, data };
}

test('direct: takes the seconds of the agent and counts the holes', () => {
  const events = [
    note({ size: 100, virtual_size: 2000, data_bytes: 500 }),
    note({ device: '/dev/vda', data_bytes: 500, skipped_bytes: 1500, seconds: 12.5, mb_per_s: 40 }),
    note({ disk_bytes: 1 }, 5, 'disk'),
  ];
  assert.deepEqual(readImageWrite(events), { seconds: 12.5, diskBytes: 2000 });
});

test('iscsi: takes the duration of the final note, not of earlier progress', () => {
  const events = [
    note({ done_bytes: 1000, total_bytes: 2000, mb_per_s: 100 }, null),
    note({ bytes: 2000, mb_per_s: 100 }, 20_000),
  ];
  assert.deepEqual(readImageWrite(events), { seconds: 20, diskBytes: 2000 });
});

test('an image that was not written has no rate', () => {
  assert.equal(readImageWrite([note({ size: 100, virtual_size: 2000, data_bytes: 500 })]), undefined);
});
