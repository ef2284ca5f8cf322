/** Steps shared by several operations. */
import { randomBytes } from 'node:crypto';
import { siteRanges } from '#domain/reserved-addresses.ts';
import type { Outcome, Step, Task } from '#drivers/interfaces.ts';
import { networkBootSteps, simpleStep, waitForRamdisk } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { consoleTail, withoutKernelSecrets } from '../consoles/console-text.ts';
import type { Consoles } from '../consoles/consoles.ts';
import { isOutByFailure } from '../power/bmc-health.ts';
import type { Hold } from '../servers/held-addresses.ts';
import { bindPorts, detachPorts, unbindPorts } from '../servers/server-network.ts';
import { checkRequestedNetworks } from '../servers/server-ports.ts';
import type { BaseContext, BaseRequest } from '../worker/base-context.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { StepWait } from '../worker/step-wait.ts';
import { serverOf } from './server-results.ts';

export const next: Outcome<never> = { next: true };

/** A step that uses what the machinery keeps in the context. */
type MachineStep = Step<BaseContext>;

/**
 * The agent's bootstrap secret on the kernel command line, and which agent it is: created before the first step, so that
 * later changes of the node or the settings do not reach this operation.
 */
const makeAgentSecret: MachineStep = {
  name: 'claim node',
  title: 'Claim the node',
  deadlineSeconds: 60,
  keepsDisk: true,
  keepsMachine: true,
  phase: 'prepare',
  async run(task) {
    const agent_secret = task.context.agent_secret ?? randomBytes(32).toString('base64url');
    return { next: true, context: { agent_secret, ...(task.agent.kind === 'ipa' && { ipa: task.context.ipa ?? {} }) } };
  },
};

export function withAgentSecret(steps: readonly Step[]): readonly Step[] {
  return [makeAgentSecret, ...steps];
}

const off = { name: 'power off', title: 'Power off', deadlineSeconds: 180, powerChanges: 1 } as const;

/** Records that the machine is off, which it is not if it must never be powered off. */
export const powerOff: Step = {
  ...off,
  async run(task) {
    await task.power.set('power off');
    return { next: true, context: task.context['owes_restart'] === true ? {} : { powered_off: true } };
  },
};

/**
 * For a deletion. A machine that cannot be powered off keeps its server, whose addresses it may still use, until an
 * operator sets maintenance. It then stays out of service, because cleaning cannot reach it either, and its addresses
 * are held.
 */
export const powerOffIfPossible: Step = {
  ...off,
  async run(task) {
    try {
      return await powerOff.run(task);
    } catch (error) {
      task.signal.throwIfAborted();
      if (error instanceof StepWait || !isOutOfService(task.node)) throw error;
      task.note('power off', `skipped because the node is in maintenance: ${(error as Error).message}`);
    }
    return next;
  },
};

/** By an operator: maintenance because of a power failure ends by itself. */
function isOutOfService({ maintenance, fault }: Pick<Node, 'maintenance' | 'fault'>): boolean {
  return maintenance && !isOutByFailure({ maintenance, fault });
}

/** A machine that was not powered off, as it must not be, still runs what it has booted: it is restarted now. */
export const withdrawBootFiles: MachineStep = simpleStep<BaseContext>(
  { name: 'remove boot files', title: 'Remove boot files', deadlineSeconds: 60, powerChanges: 1 },
  async (task) => {
    await task.boot.withdraw();
    if (task.context.owes_restart) await task.power.set('reset');
  },
);

export function bindPortsStep(
  { store, settings }: Pick<OperationParts, 'store' | 'settings'>,
  operation: { request: BaseRequest },
): Step {
  const reserved = siteRanges(settings);
  return simpleStep(
    { name: 'bind ports', title: 'Bind network ports', deadlineSeconds: 60, keepsDisk: true, phase: 'prepare' },
    async (task) => {
      const server = await serverOf(store, task.operation);
      if (!server) return;
      await checkRequestedNetworks(store, operation, server);
      await bindPorts(store, server, reserved);
    },
  );
}

/** Run before a deployment and after a deletion: the next owner must not read earlier output. */
export function clearConsoleStep(consoles: Pick<Consoles, 'clearRecord'>): MachineStep {
  return {
    ...{ name: 'clear console', title: 'Clear the console record', deadlineSeconds: 60, keepsDisk: true, phase: 'prepare' },
    async run(task) {
      await consoles.clearRecord(task.node.uuid);
      return { next: true, context: { console_cleared: true } };
    },
  };
}

/** The node's own ramdisk may have to be downloaded. */
function writeBootFiles({ settings }: Pick<OperationParts, 'settings'>): Step {
  const deadlineSeconds = settings['deploy.image_timeout'];
  return simpleStep({ name: 'write boot files', title: 'Write boot files', deadlineSeconds, phase: 'prepare' }, async (task) =>
    task.boot.serve({ deploy: { ...(await task.deployRamdisk()), parameters: task.boot.agentParameters() }, boot: 'deploy' }),
  );
}

/** For a node without a server: its machine boots the ramdisk from the network, and the agent reports. */
export function bootRamdiskSteps({ consoles, settings }: Pick<OperationParts, 'consoles' | 'settings'>): readonly Step[] {
  return [
    clearConsoleStep(consoles),
    writeBootFiles({ settings }),
    ...networkBootSteps({ persistent: false }),
    waitForRamdisk(settings['deploy.agent_timeout']),
  ];
}

/** Limits of the console text kept for the owner of a server without a machine (lines, characters). */
const keptLines = 1000;
const keptMax = 64 * 1024;

type KeepConsole = {
  /** All of the record is output of this operation's server. */
  isOwn?: boolean;
  /** The server may lose its machine, whose record then passes to others: its owner gets a copy. */
  keepsForOwner?: boolean;
};

/** After a failure: keeps the last lines of the operation's output for administrators. */
export function keepConsoleStep(
  { store, consoles }: Pick<OperationParts, 'store'> & { consoles: Pick<Consoles, 'log'> },
  { isOwn = false, keepsForOwner = false }: KeepConsole = {},
): MachineStep {
  return {
    ...{ name: 'keep console', title: 'Keep the end of the console', deadlineSeconds: 60 },
    async run(task) {
      const text = isOwn || task.context.console_cleared ? await consoles.log(task.node.uuid, keptLines) : null;
      if (!text) return next;
      const shown = withoutKernelSecrets(text).replaceAll('\0', '').slice(-keptMax).toWellFormed();
      if (keepsForOwner && task.operation.server_id !== null)
        await store.servers.update({ id: task.operation.server_id }, { console_log: shown });
      const lines = consoleTail(shown);
      if (lines.length > 0) task.note('console', `The console ended with:\n${lines.join('\n')}`);
      return { next: true, context: { console_tail: lines } };
    },
  };
}

/** The addresses of a machine that may still run are held. */
export function unbindPortsStep(store: Store): Step {
  const about = { name: 'unbind ports', title: 'Unbind network ports', deadlineSeconds: 60 };
  return simpleStep<BaseContext>(about, async (task) => {
    const server = await serverOf(store, task.operation);
    const hold = mayStillRun(task) ? holdOf(task, server?.id ?? task.node.instance_uuid) : undefined;
    if (server) await unbindPorts(store, server, hold);
    else await detachPorts(store, task.node.uuid, hold);
  });
}

/** With the tenant's system, or with a ramdisk that has the addresses; it was not powered off for sure. */
export function mayStillRun({ context }: { context: BaseContext }): boolean {
  const { disk_untouched, powered_off, agent, messages } = context;
  const hasRunNothing = disk_untouched === true && agent === undefined && messages === undefined;
  return powered_off !== true && !hasRunNothing;
}

function holdOf({ node, context, operation }: Task<BaseContext>, instance_uuid: string | null): Hold {
  const why = node.disable_power_off ? 'must not be powered off' : 'was not powered off';
  const cause = context.undo_faults?.at(-1) ?? node.last_error;
  const detail = !node.disable_power_off && cause ? `: ${cause}` : '';
  return { node_uuid: node.uuid, instance_uuid, reason: `the machine ${why} by "${operation.purpose}"${detail}` };
}
