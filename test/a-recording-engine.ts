/** The engine as the boot server sees it: records calls, and accepts the given tokens. */
import { imageToken } from '#agent-protocol/image-token.ts';
import type { Command } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { MachineMessages } from '#engine/contract.ts';

export type Heard = { call: string; args: unknown[] };
type MachineRequest = Parameters<MachineMessages['machineRequest']>[0];

export type RecordingEngine = MachineMessages & {
  readonly heard: Heard[];
  readonly requests: MachineRequest[];
  /** Result of `agentNext`; if undefined it waits until the timeout or until the machine disconnects. */
  command: Command | undefined;
  configDrive: string;
  hungUp: number;
  isOverBudget: boolean;
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
    isOverBudget: false,
    async agentAdmit(token) {
      if (token !== knownToken) throw new Fault('unauthorized');
      if (engine.isOverBudget) throw new Fault('tooManyRequests', { what: 'messages', seconds: 60 });
    },
    async agentHello(token, hello, asker) {
      check('hello', token, hello, asker.address);
      return { node_uuid: 'node-1', session: knownToken };
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
    async agentOutdated(token) {
      check('outdated', token);
      throw new Fault('agentOutdated', { found: '1', wanted: '2' });
    },
    async agentImage(token, path) {
      if (token !== imageToken(knownToken, path)) throw new Fault('unauthorized');
      if (engine.command?.params['path'] !== path) throw new Fault('forbidden', { detail: 'not commanded' });
    },
    async agentConfigDrive(token) {
      check('config drive', token);
      return engine.configDrive;
    },
    async ipaLookup(token, query, { address }) {
      check('ipa lookup', token, { ...query }, address);
      throw new Fault('notFound', { what: 'Node of', id: 'this machine' });
    },
    ipaHeartbeat: async (token, heartbeat, { address }) => check('ipa heartbeat', token, heartbeat, address),
    async deployPost(fields, { address }) {
      heard.push({ call: 'deploy post', args: [fields, address] });
      if (!fields['i']) throw new Fault('badRequest', { detail: "parameter 'i' is not defined" });
      if (fields['k'] !== 'right') throw new Fault('badRequest', { detail: 'key is not match' });
    },
    machineRequest: (request) => void requests.push(request),
  };
  return engine;
}
