import { KeyedMutex } from '#async/keyed-mutex.ts';
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import { runTool } from '#tools/run-tool.ts';
import type { CallOptions, PowerInterface } from '../interfaces.ts';
import { readTileraSettings, type TileraSettings, tileraProperties } from './properties.ts';

export type TileraOptions = {
  /** Path of the site's manager program (`tile_pdu_mgr`). */
  readonly manager: string;
  /** The manager's argument for each command, and its output for a state. */
  readonly modes: { readonly on: number; readonly off: number; readonly reboot: number; readonly status: number };
  /** Timeout of one run of the manager in seconds. */
  readonly timeout: number;
};

const modeTable = { 'power on': 'on', 'power off': 'off', 'power cycle': 'reboot' } as const;

/** Power supplies keep an idle machine running for a second or two. */
const pauseSeconds = 5;

/** Timeout of `ping` in seconds. */
const pingWait = 5;
/** Exit status of iputils `ping`: 1 = no response, 2 = another failure, such as an unknown name. */
const noAnswer = 1;

/** @param stop kills all runs */
export function createTileraPower(options: TileraOptions, stop: AbortSignal): PowerInterface {
  const queue = new KeyedMutex();
  const run = (settings: TileraSettings, mode: number, { signal }: CallOptions) => {
    const args = [settings.pdu, String(mode), ...(settings.outlet ? [settings.outlet] : [])];
    return queue.run(settings.pdu, () => runManager(options, args, signalsOf(stop, signal)), signal);
  };
  return {
    properties: tileraProperties,
    targets: ['power on', 'power off', 'power cycle'],
    pauseSeconds,
    validate: (node) => void readTileraSettings(node),
    async getPower(node, callOptions = {}) {
      const settings = readTileraSettings(node);
      if (settings.machine !== '') return await ping(settings.machine, signalsOf(stop, callOptions.signal));
      return readState(await run(settings, options.modes.status, callOptions), options, settings);
    },
    async setPower(node, target, callOptions = {}) {
      const mode = target in modeTable ? modeTable[target as keyof typeof modeTable] : undefined;
      if (!mode) throw new Fault('internal', { detail: `${target} is no command of this power interface` });
      await run(readTileraSettings(node), options.modes[mode], callOptions);
    },
  };
}

async function runManager({ manager, timeout }: TileraOptions, args: readonly string[], signal: AbortSignal): Promise<string> {
  const inTime = AbortSignal.timeout(timeout * 1000);
  try {
    return await runTool(manager, args, { group: true, signal: AbortSignal.any([signal, inTime]) });
  } catch (error) {
    if (signal.aborted || !inTime.aborted) throw error;
    throw new Fault('toolFailed', { tool: manager, detail: `it did not finish within ${timeout} s (${args.join(' ')})` });
  }
}

/** A machine that responds is on; otherwise it is assumed to be off, as in the classic driver. */
async function ping(machine: string, signal: AbortSignal): Promise<PowerState> {
  try {
    await runTool('ping', ['-c1', `-W${pingWait}`, '--', machine], { signal });
    return 'power on';
  } catch (error) {
    if (error instanceof Fault && error.fields['status'] === noAnswer) return 'power off';
    throw error;
  }
}

/** The last word of the manager's output is the number of the state. */
function readState(output: string, { manager, modes }: TileraOptions, { pdu }: TileraSettings): PowerState {
  const word = output.trim().split(/\s+/).at(-1) ?? '';
  if (word === String(modes.on)) return 'power on';
  if (word === String(modes.off)) return 'power off';
  const detail = `it printed '${output.trim().slice(-80)}' for the state of ${pdu}, not ${modes.on} or ${modes.off}`;
  throw new Fault('toolFailed', { tool: manager, detail });
}

function signalsOf(stop: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  return signal ? AbortSignal.any([stop, signal]) : stop;
}
