import { Fault } from '#domain/faults.ts';
import type { Instance } from '#drivers/interfaces.ts';
import type { Image } from '#store/tables/images.ts';
import { planPartitions } from './partitions.ts';

/** Formats of a single file system. */
const partitionFormats = ['ami', 'raw', 'qcow2'];

/** Throws `imageUnusable`, or `diskUnfit` if no disk could hold the partitions of the flavor. */
export function checkPartitionImage(image: Image, instance: Instance): void {
  const unusable = (detail: string) => new Fault('imageUnusable', { image: image.name ?? image.id, detail });
  const missing = ['kernel_id', 'ramdisk_id'].filter((name) => !image.properties[name]);
  if (missing.length > 0) {
    throw unusable(
      `a partition image names its kernel and ramdisk; ${missing.join(' and ')} missing (whole-disk images need the deploy interface direct).`,
    );
  }
  if (!partitionFormats.includes(image.disk_format ?? '')) {
    throw unusable(`its disk format is ${image.disk_format}; a partition image is one of ${partitionFormats.join(', ')}.`);
  }
  planPartitions({ flavor: instance.flavor, imageBytes: image.virtual_size ?? 0, diskBytes: Number.POSITIVE_INFINITY });
}
