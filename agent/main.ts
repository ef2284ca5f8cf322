import { readFileSync } from 'node:fs';
import { networkInterfaces, release, uptime } from 'node:os';
import type { Hello, RaidArray } from '../agent-protocol/messages.ts';
import { agentProtocol } from '../agent-protocol/routes.ts';
import { CommandLoop, type CommandTable } from './command-loop.ts';
import { commandTable } from './commands.ts';
import { exportDisk } from './export-disk.ts';
import { ownInstance } from './instance.ts';
import { Log } from './log.ts';
import { fileMachine, type Machine, realMachine } from './machine.ts';
import { arraysIfAny } from './md.ts';
import { type AgentOptions, agentHelp, readOptions } from './options.ts';
import { ServerLink } from './server-link.ts';

/** Incremented with every change that a server could notice. */
export const agentVersion = '2.2';

const nothingLeft = 3;
const logEveryMs = 1000;
/** Timeout of the classic chain for a hello to the server; only its own POST is essential. */
const classicHelloMs = 5000;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env, (path) => readFileSync(path, 'utf8'));
  if (!options) {
    process.stdout.write(agentHelp);
    return 0;
  }
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(new Error(`ended by ${name}`)));
  return runAgent(options, stop);
}

/** @returns the exit code: 0 = ended on command, 3 = nothing (more) to do; init restarts the agent after any other */
async function runAgent(options: AgentOptions, stop: AbortController): Promise<number> {
  const log = new Log((line) => process.stdout.write(`ingot-agent: ${line}\n`));
  const left = Promise.withResolvers<number>();
  const machine = options.noReboot ? fileMachine(options.diskFiles, () => left.resolve(0)) : realMachine();
  if (!options.server && !options.classic) {
    log.info('the kernel line has neither ingot.url nor iscsi_target_iqn: nothing to do');
    return nothingLeft;
  }
  const conversation = options.server && converse({ options, machine, log, stop });
  conversation?.ended.catch((error: Error) => left.reject(error));
  if (options.classic) {
    await conversation?.greeted;
    const classic = options.classic;
    exportDisk({ classic, machine, log, signal: stop.signal }).then(
      () => machine.reboot(),
      (error: Error) => left.reject(error),
    );
  }
  try {
    return await left.promise;
  } catch (error) {
    if (!stop.signal.aborted) log.info(`ended: ${(error as Error).message}`);
    return nothingLeft;
  } finally {
    await conversation?.flush();
    stop.abort();
  }
}

type Conversation = {
  /** The server has received our hello, or the classic chain's timeout for that has passed. */
  greeted: Promise<unknown>;
  ended: Promise<void>;
  flush(): Promise<void>;
};

function converse(parts: { options: AgentOptions; machine: Machine; log: Log; stop: AbortController }): Conversation {
  const { options, machine, log, stop } = parts;
  const server = options.server as NonNullable<AgentOptions['server']>;
  const link = new ServerLink(server, stop.signal);
  const commands: CommandTable = commandTable({ machine, link, log });
  const loop = new CommandLoop({ link, commands, log, signal: stop.signal });
  const instance = ownInstance(options.stateFile, server.token);
  const hello = arraysOf(machine).then((arrays) =>
    loop.hello(() => ({ ...describe(options, machine, arrays), protocol: agentProtocol, instance })),
  );
  const timer = setInterval(() => loop.sendLog(), logEveryMs);
  const enough = new Promise((resolve) => setTimeout(resolve, classicHelloMs).unref());
  const ended = hello.then(() => loop.run());
  return {
    greeted: Promise.race([hello, enough]),
    ended,
    flush: async () => {
      clearInterval(timer);
      await loop.sendLog();
      link.close();
    },
  };
}

async function arraysOf({ md }: Machine): Promise<RaidArray[]> {
  return md ? arraysIfAny(md) : [];
}

function describe(options: AgentOptions, machine: Machine, arrays: RaidArray[]): Omit<Hello, 'protocol' | 'instance'> {
  const inventory = { ...machine.inventory(), ...(arrays.length > 0 && { arrays: arrays.slice(0, 64) }) };
  const own =
    inventory.nics.find((nic) => nic.mac === options.bootMac && nic.address) ?? inventory.nics.find((nic) => nic.address);
  const loopback = Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry?.family === 'IPv4');
  return {
    agent_version: agentVersion,
    uptime_seconds: uptime(),
    kernel: release().slice(0, 256),
    boot_mac: options.bootMac,
    address: own?.address ?? loopback?.address ?? '',
    inventory,
  };
}

process.exitCode = await main();
