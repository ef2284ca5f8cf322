/** Everything that a deployment needs and that is not measured: nodes, images, flavor, network, key pair. */
import { enrolFacts, type LabCloud, labNetwork } from '#demo/lab-cloud.ts';
import * as job from '#demo/main-job.ts';
import type { Chain } from './chains.ts';

export type PreparedCloud = {
  imageIds: Record<Chain['image'], string>;
  flavorId: string;
  networkId: string;
  keyName: string;
};

export async function enrolMachines({ cloud, rack }: LabCloud): Promise<void> {
  for (const machine of rack.machines) await job.enrolNode(cloud, enrolFacts(machine));
}

export async function prepareCloud({ cloud, images, key }: LabCloud): Promise<PreparedCloud> {
  const upload = (name: string, path: string, format: string, properties = {}) => {
    const container_format = format === 'qcow2' ? 'bare' : format;
    return job.uploadImage(cloud, { name, path, disk_format: format, container_format, properties });
  };
  const kernel_id = await upload('bench-vmlinuz', images.kernel, 'aki');
  const ramdisk_id = await upload('bench-initrd', images.initrd, 'ari');
  const keyName = 'bench';
  await job.importKeypair(cloud, keyName, key.publicKey);
  return {
    imageIds: {
      partition: await upload('bench-partition', images.partition, 'qcow2', { kernel_id, ramdisk_id }),
      wholeDisk: await upload('bench-disk', images.wholeDisk, 'qcow2'),
    },
    flavorId: await job.createFlavor(cloud, 'bench', { cpu_arch: 'x86_64' }),
    networkId: await job.createNetwork(cloud, 'bench', labNetwork),
    keyName,
  };
}
