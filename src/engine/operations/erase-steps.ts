/** The step `deploy.erase_devices`: the machine boots the ramdisk, whose agent erases the disks. */
import { Type } from 'typebox';
import { CleanResult } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Operation } from '#store/tables/operations.ts';
import { recordBmcCommand } from '../power/power.ts';
import { fits } from '../worker/base-context.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { interfaceOf } from '../worker/task.ts';
import { expectAllErased } from './known-disks.ts';
import { bootRamdiskSteps, next, powerOff, withAgentSecret, withdrawBootFiles } from './machine-steps.ts';
import { RaidStep } from './raid-choice.ts';
import { recordRaid } from './raid-record.ts';

const eraseDisks = ({ drivers, store }: Pick<OperationParts, 'drivers' | 'store'>, deadlineSeconds: number): Step => ({
  name: 'erase disks',
  title: 'Erase the disks',
  deadlineSeconds,
  phase: 'image',
  async run(task) {
    const reply = await task.agent.ask('clean', {});
    if (!reply) return { wait: 'the ramdisk to erase the disks' };
    if (!reply.ok) throw new Fault('agentFailed', { command: 'erase the disks', detail: reply.error });
    if (!fits(CleanResult, reply.result))
      throw new Fault('agentFailed', { command: 'erase the disks', detail: 'its report cannot be understood' });
    const { disks } = reply.result;
    for (const disk of disks) {
      task.note('erase disks', `${disk.device}: ${disk.method} of ${disk.size_bytes} bytes in ${disk.seconds} s`, disk);
    }
    expectAllErased(
      task.node,
      disks.map(({ device }) => device),
    );
    // Software RAID is on the disks, a controller's is not.
    const { raid_config, raid_interface, uuid } = task.node;
    const isLost = raid_config.logical_disks && interfaceOf(drivers.raid, raid_interface).inBand;
    if (isLost && !remakesRaid(await store.operations.find({ id: task.operation.id })))
      await recordRaid(store, uuid, { logical_disks: [] });
    return next;
  },
});

/**
 * An automatic cleaning makes it again. If that fails, the node still says what RAID it is to have, so that the next cleaning
 * makes it, and no image is written to a single disk.
 */
function remakesRaid(operation: Pick<Operation, 'request'> | undefined): boolean {
  const request = operation?.request;
  return fits(Remaking, request) && request.steps.some(({ raid }) => raid?.change.deletes && raid.change.creates.length > 0);
}

const Remaking = Type.Object({
  target: Type.Literal('available'),
  steps: Type.Array(Type.Object({ raid: Type.Optional(RaidStep) })),
});

const nothingToErase = simpleStep({ name: 'erase disks', title: 'Erase the disks', deadlineSeconds: 60 }, async (task) =>
  task.note('erase disks', 'fake hardware has no disk: nothing to erase'),
);

/**
 * Whoever had the machine may have inserted media, from which the next system would take its configuration, or boot. A BMC
 * that does not list its media is left alone; media that cannot be ejected fail the cleaning.
 */
function ejectMedia({ drivers, store }: Pick<OperationParts, 'drivers' | 'store'>): Step {
  const about = { name: 'eject media', title: 'Eject virtual media', deadlineSeconds: 240, phase: 'prepare' } as const;
  return simpleStep(about, async ({ node, operation, signal, note }) => {
    const { media } = interfaceOf(drivers.management, node.management_interface);
    const slots =
      (await media?.slots(node, { signal }).catch((error: Error) => {
        signal.throwIfAborted();
        note('media', `not listed by the BMC, and left as they are: ${error.message}`);
        return [];
      })) ?? [];
    for (const { device } of slots.filter(({ inserted }) => inserted))
      await recordBmcCommand({ store, node, operation, signal }, `eject ${device}`, async () => {
        await media?.eject(node, device, { signal });
      });
  });
}

/** Between those of `ramdiskSteps`. */
export function eraseSteps(parts: OperationParts, boot_interface: string | undefined): readonly Step[] {
  if (isSimulated(parts, boot_interface)) return [powerOff, nothingToErase];
  return [eraseDisks(parts, parts.settings['clean.timeout'])];
}

function isSimulated({ drivers }: Pick<OperationParts, 'drivers'>, boot_interface: string | undefined): boolean {
  return drivers.boot[boot_interface ?? '']?.simulated === true;
}

type Around = { readonly before: readonly Step[]; readonly after: readonly Step[] };

/** Around the steps of a cleaning that the agent executes, which share one boot of the ramdisk. */
export function ramdiskSteps(parts: OperationParts, boot_interface: string | undefined): Around {
  if (isSimulated(parts, boot_interface)) return { before: [], after: [] };
  return {
    before: withAgentSecret([ejectMedia(parts), ...bootRamdiskSteps(parts)]),
    after: [{ ...powerOff, formerName: 'power off again' }, withdrawBootFiles],
  };
}
