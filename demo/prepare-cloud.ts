/** The prerequisites of a cloud's first server: nodes, both kinds of image, flavors, a network and a key pair. */
import type { Announce, LabCloud } from './lab-cloud.ts';
import { enrolFacts, labNetwork } from './lab-cloud.ts';
import * as job from './main-job.ts';

export const keyName = 'demo';
export const networkName = 'racknet';

export type PreparedCloud = {
  /** UUIDs, in the order of the rack's machines. */
  nodes: string[];
  imageIds: { partition: string; 'whole-disk': string };
  /** One flavor per kind of firmware. */
  flavorIds: { bios: string; uefi: string };
  networkId: string;
};

export async function prepareCloud(lab: LabCloud, announce: Announce): Promise<PreparedCloud> {
  const { cloud } = lab;
  announce('enrolling the machines: each BMC is asked whether its credentials work');
  const nodes = await Promise.all(lab.rack.machines.map((machine) => job.enrolNode(cloud, enrolFacts(machine))));
  announce('uploading the images');
  const imageIds = await uploadImages(lab);
  announce('making flavors, a network and a key pair');
  const flavor = (firmware: 'bios' | 'uefi') =>
    job.createFlavor(cloud, `metal-${firmware}`, { cpu_arch: 'x86_64', 'capabilities:boot_mode': firmware });
  const flavorIds = { bios: await flavor('bios'), uefi: await flavor('uefi') };
  const networkId = await job.createNetwork(cloud, networkName, labNetwork);
  await job.importKeypair(cloud, keyName, lab.key.publicKey);
  return { nodes, imageIds, flavorIds, networkId };
}

async function uploadImages({ cloud, images }: LabCloud): Promise<PreparedCloud['imageIds']> {
  const bare = { disk_format: 'qcow2', container_format: 'bare' };
  const classic = (format: string) => ({ disk_format: format, container_format: format });
  const kernel_id = await job.uploadImage(cloud, { ...classic('aki'), name: 'debian-12-vmlinuz', path: images.kernel });
  const ramdisk_id = await job.uploadImage(cloud, { ...classic('ari'), name: 'debian-12-initrd', path: images.initrd });
  const properties = { kernel_id, ramdisk_id };
  return {
    partition: await job.uploadImage(cloud, { ...bare, name: 'debian-12-partition', path: images.partition, properties }),
    'whole-disk': await job.uploadImage(cloud, { ...bare, name: 'debian-12', path: images.wholeDisk }),
  };
}
