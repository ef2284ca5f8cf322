import { pause } from '#async/timers.ts';
import type { FirmwareInterface, FirmwareUpdate, NodeFacts } from '#drivers/interfaces.ts';

/** Updates firmware as the engine does: it polls until the end, and keeps the task as JSON. */
export async function completeUpdate(firmware: FirmwareInterface, node: NodeFacts, update: FirmwareUpdate): Promise<void> {
  const begun = performance.now();
  const components = await firmware.readComponents(node).catch(() => []);
  const versions = Object.fromEntries(components.map(({ component, version }) => [component, version]));
  let progress = await firmware.startUpdate(node, update);
  while (progress) {
    await pause(progress.againIn * 1000);
    const task = JSON.parse(JSON.stringify(progress.task));
    const found = await firmware.pollUpdate(node, { update, task, versions, elapsed: (performance.now() - begun) / 1000 });
    if (found && 'failed' in found) throw found.failed;
    progress = found;
  }
}
