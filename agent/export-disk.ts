import { chapAccount } from '../agent-protocol/classic.ts';
import { addressTowards, DoneListener, postToHelper, type Report } from './deploy-helper.ts';
import { findDisk } from './find-disk.ts';
import { IscsiTarget } from './iscsi-target.ts';
import type { Log } from './log.ts';
import type { Machine } from './machine.ts';
import type { ClassicOptions } from './options.ts';

/** Timeout for `done`: the helper writes an image of any size before it; after so long it is considered dead. */
const doneMs = 3 * 3600_000;
/** Timeout between `done` and the end of the helper's iSCSI sessions. */
const drainMs = 30_000;

export type ExportParts = { classic: ClassicOptions; machine: Machine; log: Log; signal: AbortSignal };

/**
 * The classic chain's part of the ramdisk: export the disk over iSCSI to the boot server only, notify the deploy helper
 * (or report an error to it), wait for its `done`, end the export. Throws when no disk or retry is left; otherwise the
 * machine may be rebooted.
 */
export async function exportDisk({ classic, machine, log, signal }: ExportParts): Promise<void> {
  const address = await addressTowards(classic.bootServer);
  const listener = await DoneListener.listen(classic, log);
  const report: Report = { classic, address, system: machine.inventory().system };
  let target: IscsiTarget | undefined;
  try {
    const offered = await offerDisk({ classic, machine, log, signal }).catch((error: Error) => error);
    if (offered instanceof Error) {
      log.info(`cannot export the disk: ${offered.message}`);
      await postToHelper({ ...report, error: offered.message }, log, signal);
      throw offered;
    }
    target = offered;
    await reportHelper(report, { done: listener.done, log, signal });
    await withDeadline(listener.done, doneMs, signal);
    log.info('done heard');
    if (!(await target.drained(drainMs, signal))) log.info(`iSCSI sessions still open ${drainMs / 1000} s after done`);
  } finally {
    listener.close();
    await target?.stop();
  }
  await machine.run('sync', [], { timeoutMs: 300_000 });
}

type Reporting = { done: Promise<void>; log: Log; signal: AbortSignal };

/**
 * The helper may have received our POST although its response was lost (by a restart, say), and reject the retry
 * because it has finished: its `done` then counts as the response.
 */
async function reportHelper(report: Report, { done, log, signal }: Reporting): Promise<void> {
  const over = new AbortController();
  const posting = postToHelper(report, log, AbortSignal.any([signal, over.signal]));
  posting.then(
    () => log.info('the deploy helper accepted the disk'),
    () => {},
  );
  await Promise.race([done, posting]).finally(() => over.abort());
}

async function offerDisk({ classic, machine, log, signal }: ExportParts): Promise<IscsiTarget> {
  const device = await findDisk({ names: classic.disks, devices: machine.devices, signal });
  const { iqn, iscsiPort: port, deploymentKey, bootServer: initiator } = classic;
  const account = chapAccount(deploymentKey, iqn);
  const target = await IscsiTarget.start({ iqn, device, port, account, initiator }, { run: machine.run, log, signal });
  log.info(`${device} is offered as ${iqn} on port ${port}, to ${initiator} alone`);
  return target;
}

async function withDeadline(event: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  const over = Promise.withResolvers<never>();
  const abort = () => over.reject(new Error(signal.aborted ? 'ended' : `the deploy helper did not finish within ${ms / 1000} s`));
  bounded.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([event, over.promise]);
  } finally {
    bounded.removeEventListener('abort', abort);
  }
}
