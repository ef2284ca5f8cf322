/** Steps shared by several operations. */
import { siteRanges } from '#domain/reserved-addresses.ts';
import type { Outcome, Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import { consoleTail, withoutKernelSecrets } from '../consoles/console-text.ts';
import type { Consoles } from '../consoles/consoles.ts';
import { bindPorts, unbindPorts } from '../servers/server-network.ts';
import { checkRequestedNetworks } from '../servers/server-ports.ts';
import type { EngineSettings } from '../settings.ts';
import { consoleTailName } from '../worker/last-error.ts';

export const next: Outcome = { next: true };

export const powerOff = simpleStep({ name: 'power off', title: 'Power off', deadlineSeconds: 180, powerChanges: 1 }, (task) =>
  task.power.set('power off'),
);

/**
 * For a deletion. A machine that cannot be powered off keeps its server, whose addresses it may still use, until an
 * operator sets maintenance. It then stays out of service, because cleaning cannot reach it either.
 */
export const powerOffIfPossible: Step = {
  ...powerOff,
  async run(task) {
    try {
      await task.power.set('power off');
    } catch (error) {
      task.signal.throwIfAborted();
      if (!task.node.maintenance) throw error;
      task.note('power off', `skipped because the node is in maintenance: ${(error as Error).message}`);
    }
    return next;
  },
};

export const withdrawBootFiles = simpleStep(
  { name: 'remove boot files', title: 'Remove boot files', deadlineSeconds: 60 },
  (task) => task.boot.withdraw(),
);

export function bindPortsStep({ store, settings }: { store: Store; settings: EngineSettings }): Step {
  const reserved = siteRanges(settings);
  return simpleStep(
    { name: 'bind ports', title: 'Bind network ports', deadlineSeconds: 60, keepsDisk: true, phase: 'prepare' },
    async (task) => {
      if (!task.server) return;
      await checkRequestedNetworks(store, task.operation, task.server);
      await bindPorts(store, task.server, reserved);
    },
  );
}

/** Set in the context once the record contains only output of this operation. */
const ownConsole = 'console_cleared';

/** Run before a deployment and after a deletion: the next owner must not read earlier output. */
export function clearConsoleStep(consoles: Pick<Consoles, 'clearRecord'>): Step {
  return {
    ...{ name: 'clear console', title: 'Clear the console record', deadlineSeconds: 60, keepsDisk: true, phase: 'prepare' },
    async run(task) {
      await consoles.clearRecord(task.node.uuid);
      return { next: true, context: { [ownConsole]: true } };
    },
  };
}

/** Limits of the console text kept for the owner of a server without a machine (lines, characters). */
const keptLines = 1000;
const keptMax = 64 * 1024;

/**
 * After a failure: keeps the last lines for administrators, and a copy of the deployment's output for the server's
 * owner, because machine and record then pass to others.
 */
export function keepConsoleStep({ store, consoles }: { store: Store; consoles: Pick<Consoles, 'log'> }): Step {
  return {
    ...{ name: 'keep console', title: 'Keep the end of the console', deadlineSeconds: 60 },
    async run(task) {
      const { kind, context } = task.operation;
      // In a rebuild the machine has belonged to its server all along.
      const isOwn = kind === 'rebuild' || context[ownConsole] === true;
      const text = isOwn ? await consoles.log(task.node.uuid, keptLines) : null;
      if (!text) return next;
      const shown = withoutKernelSecrets(text).replaceAll('\0', '').slice(-keptMax).toWellFormed();
      if (kind === 'deploy' && task.server) await store.servers.update({ id: task.server.id }, { console_log: shown });
      const lines = consoleTail(shown);
      if (lines.length > 0) task.note('console', `The console ended with:\n${lines.join('\n')}`);
      return { next: true, context: { [consoleTailName]: lines } };
    },
  };
}

export function unbindPortsStep(store: Store): Step {
  return simpleStep({ name: 'unbind ports', title: 'Unbind network ports', deadlineSeconds: 60 }, async (task) => {
    if (task.server) await unbindPorts(store, task.server);
  });
}
