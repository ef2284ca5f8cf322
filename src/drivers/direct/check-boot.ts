import { type BootContents, bootRemarks, skipsBootCheck, whyNotBootable } from '#domain/boot-contents.ts';
import { Fault } from '#domain/faults.ts';
import type { Task } from '#drivers/interfaces.ts';
import { bootTargetOf } from './boot-target.ts';

/** Checks that the machine can boot the image, before the machine is touched. Throws `imageNotBootable`. */
export async function checkBoot(task: Task, boot: BootContents): Promise<void> {
  const { known, last_boot } = bootTargetOf(task.node);
  const why = whyNotBootable(boot, known);
  const image = await task.images.get((await task.imageIds()).image);
  if (why && !skipsBootCheck(image.properties)) {
    throw new Fault('imageNotBootable', { image: image.name ?? image.id, node: task.node.name ?? task.node.uuid, detail: why });
  }
  const unlikely = why ?? whyNotBootable(boot, last_boot);
  for (const remark of new Set([...(unlikely ? [unlikely] : []), ...bootRemarks(boot, known)])) {
    task.note('image', `It may not start: ${remark}`, {});
  }
}
