import { skipsBootCheck } from '#domain/boot-contents.ts';
import { Fault } from '#domain/faults.ts';
import { describeKernel } from '#domain/kernel-contents.ts';
import type { Task } from '#drivers/interfaces.ts';
import type { Image } from '#store/tables/images.ts';

/** pxelinux supports only one kernel format. Throws `imageNotBootable` before the machine is touched. */
export async function checkKernel(task: Task, image: Image, kernel: string): Promise<void> {
  const contents = await task.images.kernel(kernel);
  if (contents.format === 'bzImage' || skipsBootCheck(image.properties)) return;
  const { name, id } = await task.images.get(kernel);
  throw new Fault('imageNotBootable', {
    image: image.name ?? image.id,
    node: task.node.name ?? task.node.uuid,
    detail: `its kernel (image ${name ?? id}) is ${describeKernel(contents)}, and pxelinux starts only a bzImage of x86`,
  });
}
