import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CloudEvent } from './cloud-client.ts';
import { readPhases } from './phases.ts';

function event(second: number, kind: string, subject: string, data: CloudEvent['data'] = {}): CloudEvent {
  return { id: second, at: new Date(second * 1000).toISOString(), kind, subject, message: '', duration_ms: null, data };
}

test('splits a deployment into phases by the events of the machine', () => {
  const events = [
    event(0, 'operation', 'deploy', { status: 'started' }),
    event(2, 'step', 'power on', { status: 'ended' }),
    event(10, 'dhcp', 'DHCPDISCOVER'),
    event(13, 'http', '/boot/files/x/ramdisk'),
    event(25, 'agent', 'hello'),
    event(45, 'step', 'write image', { status: 'ended', phase: 'image' }),
    event(47, 'operation', 'deploy', { status: 'done' }),
  ];
  const phases = readPhases(events, new Date(90_000));
  assert.deepEqual(phases, { prepare: 2, firmware: 8, 'DHCP + boot files': 3, ramdisk: 12, image: 20, reboot: 2, OS: 43 });
});

test('a phase without events counts as zero, and the sum is complete', () => {
  const phases = readPhases([event(0, 'operation', 'deploy'), event(5, 'step', 'power on', { status: 'ended' })], new Date(9000));
  assert.equal(phases.firmware, 0);
  assert.equal(
    Object.values(phases).reduce((sum, seconds) => sum + seconds, 0),
    9,
  );
});
