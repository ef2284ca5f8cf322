import { Fault } from '#domain/faults.ts';
import type { Instance } from '#drivers/interfaces.ts';
import type { Image } from '#store/tables/images.ts';

const gib = 1024 ** 3;
/** Whole-disk formats; `ami` and its parts are a single file system or a kernel. */
const wholeDiskFormats = ['raw', 'qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx'];

/** Throws `imageUnusable`. */
export function checkWholeDiskImage(image: Image, instance: Instance): void {
  const unusable = (detail: string) => new Fault('imageUnusable', { image: image.name ?? image.id, detail });
  if (image.properties['kernel_id'] || image.properties['ramdisk_id']) {
    throw unusable('it is a partition image (it names kernel_id or ramdisk_id), which needs the deploy interface iscsi.');
  }
  if (!wholeDiskFormats.includes(image.disk_format ?? '')) {
    throw unusable(`its disk format is ${image.disk_format}; a whole-disk image is one of ${wholeDiskFormats.join(', ')}.`);
  }
  if (instance.preserve_ephemeral) {
    throw unusable('it is a whole-disk image, which replaces all partitions: no ephemeral partition can be preserved.');
  }
  const { disk } = instance.flavor;
  if (disk > 0 && image.virtual_size !== null && image.virtual_size > disk * gib) {
    const needed = Math.ceil(image.virtual_size / gib);
    throw unusable(`its disk of ${needed} GiB is larger than the ${disk} GiB of the flavor ${instance.flavor.name}.`);
  }
}
