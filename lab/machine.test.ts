/** One machine without a rack, up to its firmware: complete boots are in test/whole. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ensureFiles, Machine } from './machine.ts';
import { planRack } from './rack-plan.ts';

const skip = existsSync('/usr/bin/qemu-system-x86_64') ? false : 'needs qemu-system-x86_64';
const folder = mkdtempSync(join(tmpdir(), 'ingot-machine-'));
after(() => rmSync(folder, { recursive: true }));

async function aMachine(): Promise<Machine> {
  const { bmcAddress: _, consoleSocket: __, ...plan } = planRack({ machines: 1, memory: 128 }).machines[0]!;
  const file = (name: string) => join(folder, name);
  const files = { diskFile: file('disk'), varsFile: file('vars'), memoryFile: file('memory'), consoleFile: file('console') };
  const spec = { ...plan, ...files, logFile: file('log'), nics: [], acceleration: 'tcg' as const };
  await ensureFiles(spec);
  return new Machine(spec);
}

test('notifies listeners of power changes only, and reopens the serial line after each start', { skip }, async () => {
  const machine = await aMachine();
  const heard: string[] = [];
  const quiet = machine.onPower(() => heard.push(machine.power()));
  const line = machine.openConsole();
  let said = '';
  line.on('data', (part: Buffer) => {
    said += part;
  });
  const saysFirmware = async () => {
    said = '';
    while (!said.includes('SeaBIOS')) await once(line, 'data');
  };
  try {
    machine.injectNmi();
    for (const start of [() => machine.powerOn(), () => machine.reset(), () => machine.powerCycle()]) {
      const spoken = saysFirmware();
      await start();
      await spoken;
    }
    machine.injectNmi();
    await machine.powerOff();
    assert.deepEqual(heard, ['on', 'off']);

    quiet();
    await machine.powerOn();
    assert.deepEqual(heard, ['on', 'off']);
  } finally {
    await machine.powerOff();
    line.destroy();
  }
});
