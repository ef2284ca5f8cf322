/** The agent of a simulated ramdisk, and the ways in which it may go wrong. */
import { randomBytes } from 'node:crypto';
import type { Command, Hello, Result } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { Engine } from '#engine/contract.ts';
import { aDisk, aHello, aRequester } from '#test/an-agent.ts';
import { IngotIsDown, isDatabaseFailure, type Machine } from './contract.ts';

export const agentMoods = [
  ...(['works', 'never boots', 'boots late', 'stops', 'is slow', 'restarts the machine', 'fails', 'talks nonsense'] as const),
  ...(['repeats itself', 'is old', 'is followed by another', 'is restarted', 'misses its disk', 'is elsewhere'] as const),
] as const;
export type AgentMood = (typeof agentMoods)[number];

/** `boot`: aborted when the machine is switched off or restarts. */
export type Running = { machine: Machine; boot: AbortSignal; mood: AgentMood; token: string };
type Session = Running & { session: string };

/** The machine was switched off or restarted. */
class BootIsOver extends Error {}

const longPollMs = 30_000;
const retryMs = 5000;
const progressMs = 30_000;
const slowSeconds = 2500;

export async function runAgent(running: Running): Promise<void> {
  try {
    await work(running);
  } catch (error) {
    // A refused agent prints the reason and stops.
    const isExpected = error instanceof BootIsOver || (error instanceof Fault && error.code !== 'internal');
    if (!isExpected) running.machine.world.report(`agent of machine ${running.machine.number}`, error);
  }
}

async function work(running: Running): Promise<void> {
  const { machine, mood } = running;
  const sender = mood === 'is elsewhere' ? machine.world.otherMachine(machine) : machine;
  const instance = newInstance();
  const session = await hello(running, sender, instance);
  if (mood === 'repeats itself') await hello(running, sender, instance);
  if (mood === 'is followed by another') await hello(running, machine.world.otherMachine(machine), newInstance());
  for (;;) {
    const command = await nextCommand({ ...running, session });
    if (!command) continue;
    if (mood === 'is restarted') await hello(running, sender, instance);
    const result = await execute({ ...running, session }, command);
    if (result === undefined) return;
    await sendResult({ ...running, session }, result);
  }
}

const newInstance = () => randomBytes(24).toString('base64url');

/** Repeats a request while Ingot is down or cannot write. */
async function ask<T>({ machine, boot }: Running, call: (engine: Engine) => Promise<T>): Promise<T> {
  for (;;) {
    if (boot.aborted) throw new BootIsOver();
    try {
      const answer = await machine.world.ask(call);
      if (boot.aborted) throw new BootIsOver();
      return answer;
    } catch (error) {
      if (!(error instanceof IngotIsDown) && !isDatabaseFailure(error)) throw error;
      await machine.world.clock.pause(retryMs);
    }
  }
}

async function hello(running: Running, sender: Machine, instance: string): Promise<string> {
  const requester = aRequester(sender.address, { macs: [sender.mac] });
  const body = { ...helloOf(sender, running.mood), instance };
  const { session } = await ask(running, async (engine) => {
    await engine.agentAdmit(running.token, requester, 'hello');
    return engine.agentHello(running.token, body, requester);
  });
  return session;
}

function helloOf({ number, mac, address, disk }: Machine, mood: AgentMood): Hello {
  const { inventory, ...rest } = aHello();
  const serial = `machine-${number}`;
  const nic = { name: 'eth0', mac, driver: 'd', link: true, speed_mbps: null, address };
  return {
    ...rest,
    ...(mood === 'is old' && { protocol: 1 }),
    address,
    inventory: {
      ...inventory,
      nics: [nic],
      disks: mood === 'misses its disk' ? [] : [aDisk({ serial: disk.serial })],
      system: { vendor: 'v', product: 'p', serial, uuid: `7000000${number}-0000-4000-8000-00000000000${number}` },
    },
  };
}

function nextCommand(session: Session): Promise<Command | undefined> {
  return ask(session, (engine) => engine.agentNext(session.session, longPollMs, session.boot));
}

/** Undefined: it sends nothing any more. */
async function execute(session: Session, command: Command): Promise<Result | undefined> {
  const { machine, mood } = session;
  const { disk } = machine;
  const { id: command_id } = command;
  const writes = /write/.test(command.name);
  if (writes) Object.assign(disk, { mark: session.token.split('.')[0], isBootable: false });
  if (!(await busy(session, command_id))) return undefined;
  if (mood === 'fails') return { command_id, ok: false, error: 'it has failed' };
  if (command.name === 'write-image') disk.isBootable = true;
  const device = '/dev/vda';
  if (mood === 'misses its disk') return { command_id, ok: !writes, error: 'there is no disk', result: { disks: [] } };
  if (command.name === 'clean') Object.assign(disk, { mark: undefined, isBootable: false });
  if (mood === 'talks nonsense') return { command_id, ok: true, result: { disks: 'none', device: 5 } };
  const written = { device, data_bytes: 1000, skipped_bytes: 0, seconds: 5 };
  const erased = { disks: [{ device, size_bytes: 1000, method: 'discard', seconds: 5 }] };
  return { command_id, ok: true, result: command.name === 'clean' ? erased : written };
}

/** The command takes its time. False: the agent is gone. */
async function busy(session: Session, command_id: string): Promise<boolean> {
  const { machine, mood } = session;
  const { clock, random } = machine.world;
  const ms = (mood === 'is slow' ? slowSeconds : random.integer(2, 150)) * 1000;
  for (let done = 0; done < ms; done += progressMs) {
    const isHalf = done <= ms / 2 && done + progressMs > ms / 2;
    if (isHalf && mood === 'stops') return false;
    if (isHalf && mood === 'restarts the machine') machine.setPower(true, true);
    await clock.pause(Math.min(progressMs, ms - done));
    if (session.boot.aborted) throw new BootIsOver();
    if (mood === 'is slow') continue;
    const id = mood === 'talks nonsense' ? 'no-command' : command_id;
    const progress = { command_id: id, done_bytes: done, total_bytes: ms, message: 'working' };
    await ask(session, (engine) => engine.agentProgress(session.session, progress));
  }
  return true;
}

async function sendResult(session: Session, result: Result): Promise<void> {
  const send = (sent: Result) => ask(session, (engine) => engine.agentResult(session.session, sent));
  if (session.mood === 'talks nonsense') await send({ ...result, command_id: 'no-command' });
  await send(result);
  if (session.mood === 'repeats itself') await send(result);
}
