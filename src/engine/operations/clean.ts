/** Cleaning: erases a tenant's data from the disks before anyone else gets the machine. */
import type { CleanResult } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import { nextState, type ProvisionState } from '#domain/provision-states.ts';
import type { Drivers, Step } from '#drivers/interfaces.ts';
import { networkBootSteps, simpleStep, waitForRamdisk } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Consoles } from '../consoles/consoles.ts';
import type { EngineSettings } from '../settings.ts';
import { failureReport, failureText } from '../worker/last-error.ts';
import type { OperationDefinition } from '../worker/operation-kinds.ts';
import { type AskedStep, type CleanTimes, isErase, isFlashing, outOfBandSteps } from './clean-steps.ts';
import { withAgentSecret } from './deploy.ts';
import { disksOf, expectAllErased } from './known-disks.ts';
import { clearConsoleStep, keepConsoleStep, next, powerOff, withdrawBootFiles } from './machine-steps.ts';

const writeBootFiles = simpleStep(
  { name: 'write boot files', title: 'Write boot files', deadlineSeconds: 300, phase: 'prepare' },
  async (task) =>
    task.boot.serve({ deploy: { ...(await task.deployRamdisk()), parameters: task.boot.agentParameters() }, boot: 'deploy' }),
);

const eraseDisks = (deadlineSeconds: number): Step => ({
  name: 'erase disks',
  title: 'Erase the disks',
  deadlineSeconds,
  phase: 'image',
  async run(task) {
    const reply = await task.agent.ask('clean', {});
    if (!reply) return { wait: 'the ramdisk to erase the disks' };
    if (!reply.ok) throw new Fault('agentFailed', { command: 'erase the disks', detail: reply.error });
    const { disks } = reply.result as CleanResult;
    for (const disk of disks) {
      task.note('erase disks', `${disk.device}: ${disk.method} of ${disk.size_bytes} bytes in ${disk.seconds} s`, disk);
    }
    expectAllErased(
      task.node,
      disks.map(({ device }) => device),
    );
    return next;
  },
});

const nothingToErase = simpleStep({ name: 'erase disks', title: 'Erase the disks', deadlineSeconds: 60 }, async (task) =>
  task.note('erase disks', 'fake hardware has no disk: nothing to erase'),
);

type CleanParts = {
  settings: EngineSettings;
  store: Store;
  drivers: Drivers;
  consoles: Pick<Consoles, 'clearRecord' | 'log'>;
  times?: CleanTimes;
};

export function cleanDefinition({ settings, ...parts }: CleanParts): OperationDefinition {
  const machine: readonly Step[] = [
    clearConsoleStep(parts.consoles),
    writeBootFiles,
    ...networkBootSteps({ persistent: false }),
    waitForRamdisk(settings['deploy.agent_timeout']),
    eraseDisks(settings['clean.timeout']),
    { ...powerOff, name: 'power off again' },
    withdrawBootFiles,
  ];
  const keepConsole = keepConsoleStep(parts);
  return {
    steps(operation) {
      const asked = askedSteps(operation);
      const erase = operation.request['boot_interface'] === 'fake' ? [powerOff, nothingToErase] : withAgentSecret(machine);
      return [...outOfBandSteps(parts, asked), ...(erasesDisks(operation) ? erase : [])];
    },
    // A machine whose firmware is being written must stay powered.
    undo: (operation) =>
      erasesDisks(operation) ? [keepConsole, ...(isFlashing(operation) ? [] : [powerOff]), withdrawBootFiles] : [],
    ended: (trx, operation) => writeCleanEnd(trx, operation).then(() => []),
  };
}

function askedSteps({ request }: Operation): AskedStep[] {
  return (request['clean_steps'] as AskedStep[] | undefined) ?? [];
}

/** No specific steps requested: a full cleaning. */
function erasesDisks(operation: Operation): boolean {
  const asked = askedSteps(operation);
  return asked.length === 0 || asked.some(isErase);
}

const cleanFailure = 'clean failure';
/** Clears the maintenance set by a failed cleaning; maintenance set by an operator is kept. */
const outOfMaintenance = { maintenance: false, maintenance_reason: null, fault: null };

const disksMayHoldData =
  "Its disks may still hold a tenant's data. Correct the cause, then run `manage` and `provide`, which cleans it first.";

async function writeCleanEnd(trx: Store, operation: Operation): Promise<void> {
  const node = await trx.nodes.find({ uuid: operation.node_uuid });
  if (!node) return;
  const now = new Date().toISOString();
  if (operation.state === 'done') {
    const byHand = operation.request['target'] === 'manageable';
    const from: ProvisionState = nextState(node.provision_state, 'resume') ?? node.provision_state;
    await trx.nodes.update(
      { uuid: node.uuid },
      {
        provision_state: nextState(from, byHand ? 'cleaned-by-hand' : 'done') ?? from,
        target_provision_state: null,
        provision_updated_at: now,
        ...(erasesDisks(operation) && {
          power_state: 'power off' as const,
          must_clean: false,
          known_disks: disksOf(node.inventory),
        }),
        ...(byHand && { last_error: null, ...(node.fault === cleanFailure && outOfMaintenance) }),
      },
    );
    return;
  }
  const reason = failureText(operation);
  const last_error = failureReport(operation);
  await trx.nodes.update(
    { uuid: node.uuid },
    {
      provision_state: nextState(node.provision_state, 'fail') ?? 'clean failed',
      target_provision_state: null,
      provision_updated_at: now,
      maintenance: true,
      maintenance_reason: [
        // An operator had set maintenance for other reasons, possibly during the cleaning.
        ...(node.maintenance && node.fault !== cleanFailure && node.maintenance_reason ? [node.maintenance_reason] : []),
        `${reason} ${erasesDisks(operation) ? disksMayHoldData : 'Correct the cause, then run `manage`.'}`,
      ].join(' '),
      fault: cleanFailure,
      last_error,
    },
  );
}
