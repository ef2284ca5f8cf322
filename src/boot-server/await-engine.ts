import type { MachineMessages } from '#engine/contract.ts';

/**
 * Machines keep sending requests while Ingot starts. Until the engine has resumed its operations it would reject valid
 * tokens and keys, and machines treat a rejection as final. So messages wait for the engine; reports are recorded at
 * once.
 */
export function awaitEngine(engine: MachineMessages, ready: Promise<unknown>): MachineMessages {
  const later =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A) =>
      ready.then(() => call(...args));
  return {
    agentAdmit: later((...args) => engine.agentAdmit(...args)),
    agentHello: later((...args) => engine.agentHello(...args)),
    agentNext: later((...args) => engine.agentNext(...args)),
    agentProgress: later((...args) => engine.agentProgress(...args)),
    agentResult: later((...args) => engine.agentResult(...args)),
    agentLog: later((...args) => engine.agentLog(...args)),
    agentOutdated: later((...args) => engine.agentOutdated(...args)),
    agentImage: later((...args) => engine.agentImage(...args)),
    agentConfigDrive: later((...args) => engine.agentConfigDrive(...args)),
    ipaLookup: later((...args) => engine.ipaLookup(...args)),
    ipaHeartbeat: later((...args) => engine.ipaHeartbeat(...args)),
    deployPost: later((...args) => engine.deployPost(...args)),
    machineRequest: (request) => engine.machineRequest(request),
  };
}
