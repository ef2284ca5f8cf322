/** The engine as the boot server sees it: remembers what it is told, and knows the tokens it is given. */
import type { Command } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject, Operation } from '#domain/records.ts';
import type { MachineMessages } from '#engine/contract.ts';

export type Heard = { call: string; args: unknown[] };
type MachineRequest = Parameters<MachineMessages['machineRequest']>[0];

export type RecordingEngine = MachineMessages & {
  readonly heard: Heard[];
  readonly requests: MachineRequest[];
  /** What `agentNext` gives; where undefined it waits until the time is over or the machine hangs up. */
  command: Command | undefined;
  configDrive: string;
  hungUp: number;
};

export const knownToken = 'operation-1.secret';

export function aRecordingEngine(): RecordingEngine {
  const heard: Heard[] = [];
  const requests: MachineRequest[] = [];
  const check = (call: string, token: string, ...args: unknown[]) => {
    if (token !== knownToken) throw new Fault('unauthorized');
    heard.push({ call, args });
  };
  const engine: RecordingEngine = {
    heard,
    requests,
    command: undefined,
    configDrive: '',
    hungUp: 0,
    async agentHello(token, hello, address) {
      check('hello', token, hello, address);
      return { node_uuid: 'node-1' };
    },
    async agentNext(token, waitMs, signal) {
      check('next', token, waitMs);
      if (engine.command || waitMs === 0) return engine.command;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      engine.hungUp++;
      return undefined;
    },
    agentProgress: async (token, progress) => check('progress', token, progress),
    agentResult: async (token, result) => check('result', token, result),
    agentLog: async (token, lines) => check('log', token, lines),
    async agentOperation(token) {
      if (token !== knownToken) throw new Fault('unauthorized');
      return { context: { ...(engine.command && { command: engine.command as unknown as JsonObject }) } } as unknown as Operation;
    },
    async agentConfigDrive(token) {
      check('config drive', token);
      return engine.configDrive;
    },
    async deployPost(fields, from) {
      heard.push({ call: 'deploy post', args: [fields, from] });
      if (!fields['i']) throw new Fault('badRequest', { detail: "parameter 'i' is not defined" });
      if (fields['k'] !== 'right') throw new Fault('badRequest', { detail: 'key is not match' });
    },
    machineRequest: (request) => void requests.push(request),
  };
  return engine;
}
