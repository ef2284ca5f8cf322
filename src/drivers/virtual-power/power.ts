import { pause } from '#async/timers.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { NodeFacts, PowerInterface, PowerTarget } from '../interfaces.ts';
import { type Host, HostRefusal } from './ask-host.ts';
import type { Machine } from './hypervisors.ts';
import type { Machines } from './machines.ts';
import { virtualPowerProperties } from './properties.ts';

/** VirtualBox reports a machine as off a moment before it can be started again. */
const busyAttempts = 5;
const busyPauseMs = 1000;

type Parts = { hostOf(node: NodeFacts): Host; validate(node: NodeFacts): void; machines: Machines };
type Work<R> = (host: Host, machine: Machine) => Promise<R>;

export function createVirtualPower({ hostOf, validate, machines }: Parts): PowerInterface {
  /** A recreated machine has another UUID: it is searched for once more. */
  const withMachine = async <R>(node: NodeFacts, work: Work<R>): Promise<R> => {
    const host = hostOf(node);
    try {
      return await work(host, await machines.find(host, node));
    } catch (error) {
      if (!(error instanceof HostRefusal)) throw error;
      if (!host.hypervisor.gone.test(error.errors)) throw error.fault;
    }
    machines.forget(host);
    try {
      return await work(host, await machines.find(host, node));
    } catch (error) {
      throw error instanceof HostRefusal ? error.fault : error;
    }
  };
  return {
    properties: virtualPowerProperties,
    validate,
    targets: ['power on', 'power off', 'reset', 'soft power off'],
    getPower: (node, { signal } = {}) =>
      withMachine(node, async (host, machine) => {
        const word = await readWord(host, machine, signal);
        return powerState(host, word);
      }),
    setPower: (node, target, { signal } = {}) =>
      withMachine(node, (host, machine) => command(host, machine, { target, ...(signal && { signal }) })),
  };
}

async function command(host: Host, machine: Machine, { target, signal }: { target: PowerTarget; signal?: AbortSignal }) {
  const { commands, forget, beforeOn, already, busy, running } = host.hypervisor;
  const make = commands[target];
  if (!make) throw host.fault('bmcUnsupported', target, 'the hypervisor has no such command');
  if (target === 'power on' && Object.keys(beforeOn).length > 0) {
    const word = await readWord(host, machine, signal);
    const before = Object.hasOwn(beforeOn, word) ? beforeOn[word] : undefined;
    if (before) await host.ask([before(machine.uuid)], signal);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      const before = target === 'power on' && forget ? [forget(machine.uuid)] : [];
      await host.ask([...before, make(machine.uuid)], signal);
      return;
    } catch (error) {
      if (!(error instanceof HostRefusal)) throw error;
      if (target !== 'reset' && already.test(error.errors)) return;
      if (!busy?.test(error.errors)) throw error;
      // It is running already: the response to a first command may have been lost.
      if (target === 'power on' && (await readWord(host, machine, signal)) === running) return;
      if (attempt === busyAttempts) throw error;
    }
    await pause(busyPauseMs, signal);
  }
}

async function readWord(host: Host, machine: Machine, signal?: AbortSignal): Promise<string> {
  const output = await host.ask([host.hypervisor.state(machine.uuid)], signal);
  const word = host.hypervisor.readState(output);
  if (word === undefined)
    throw host.fault('bmcMalformedReply', 'the question for its state', `${JSON.stringify(output.trim().slice(0, 100))}`);
  return word;
}

function powerState(host: Host, word: string): PowerState {
  const { states } = host.hypervisor;
  const state = Object.hasOwn(states, word) ? states[word] : undefined;
  if (!state) throw host.fault('bmcMalformedReply', 'the question for its state', `the state '${word}'`);
  return state;
}
