import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { planFarm } from './farm/farm-plan.ts';
import { farmNode, nodesFile, rackNode, writeNodes } from './nodes-file.ts';
import { writeRecord } from './rack-record.ts';

test('enrols machines with a BIOS by IPMI and those with UEFI by Redfish, in a file readable by its owner only', (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'ingot-nodes-'));
  t.after(() => rmSync(stateDir, { recursive: true }));
  const { machines } = writeRecord({ stateDir, machines: 2, uefi: 1 });

  writeNodes(stateDir, machines.map(rackNode));

  const { nodes } = JSON.parse(readFileSync(nodesFile(stateDir), 'utf8')) as { nodes: ReturnType<typeof rackNode>[] };
  assert.deepEqual(
    nodes.map(({ driver, properties, ports }) => [driver, properties['capabilities'], ports[0]?.address]),
    [
      ['ipmi', 'boot_mode:bios', machines[0]?.macs[0]],
      ['redfish', 'boot_mode:uefi', machines[1]?.macs[0]],
    ],
  );
  assert.equal(nodes[1]?.driver_info['redfish_fingerprint'], machines[1]?.redfish?.fingerprint);
  assert.equal(statSync(nodesFile(stateDir)).mode & 0o777, 0o600);
});

test('gives each machine of a farm its own address', () => {
  const nodes = planFarm({ count: 600, redfish: 3 }).machines.map(farmNode);

  assert.equal(new Set(nodes.map(({ ports }) => ports[0]?.address)).size, 600);
  assert.deepEqual([nodes[0]?.driver, nodes[3]?.driver], ['redfish', 'ipmi']);
  assert.match(nodes[599]?.ports[0]?.address ?? '', /^02:1f:a0:00:02:57$/);
});
