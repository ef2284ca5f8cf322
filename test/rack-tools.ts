/** Test actions on the machines of a rack: ipmitool commands, waiting for console output. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, watch } from 'node:fs';
import type { MachineRecord, Rack } from '#lab/rack.ts';

/** Timeout of each wait; a boot under emulation on a busy machine is slow. */
export const maxWait = 400_000;

export type RackTools = {
  /** The output of ipmitool. Rejects when it fails. */
  ipmi(...words: string[]): Promise<string>;
  consoleText(): string;
  /** Resolves when the console output after a position matches the pattern. */
  printed(pattern: RegExp, from?: number): Promise<void>;
};

/** @param machine default: the first one */
export function toolsFor(rack: Rack, machine = 'machine-1'): RackTools {
  const row = rack.machines.find(({ name }) => name === machine);
  assert.ok(row, `a machine ${machine}`);
  const consoleText = () => readFileSync(row.console, 'latin1');
  return {
    ipmi: (...words) => ipmitool(rack, row, words),
    consoleText,
    async printed(pattern, from = 0) {
      const signal = AbortSignal.timeout(maxWait);
      const watcher = watch(row.console);
      try {
        while (!pattern.test(consoleText().slice(from))) {
          assert.doesNotMatch(consoleText(), /FAILED/);
          await once(watcher, 'change', { signal });
        }
      } catch {
        assert.fail(`${machine} never showed ${pattern}; the end is:\n${consoleText().slice(-2000)}`);
      } finally {
        watcher.close();
      }
    },
  };
}

async function ipmitool(rack: Rack, { bmc }: MachineRecord, words: readonly string[]): Promise<string> {
  // No retries: a machine under load responds late, and would receive a command twice.
  const withinGracePeriod = ['-N', '10', '-R', '1'];
  const child = rack.spawn(
    ['ipmitool', '-I', 'lanplus', ...withinGracePeriod, '-H', bmc.address, '-U', bmc.user, '-E', ...words],
    {
      env: { ...process.env, IPMI_PASSWORD: bmc.password },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = await once(child, 'close');
  assert.equal(code, 0, `ipmitool ${words.join(' ')}: ${output}`);
  return output;
}
