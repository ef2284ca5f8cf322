/** User requests in crash tests, each retried across restarts of Ingot. */
import { createFlavor, uploadImage } from '#demo/main-job.ts';
import type { CrashFixture, ServerFacts } from './crash-fixture.ts';
import { type FileSystemImage, makeBootFile, makeFileSystem, makeWholeDisk, type SmallFile } from './small-images.ts';

export type Sizes = { mib: number; dataMib: number };
export type WholeImage = Awaited<ReturnType<typeof makeWholeDisk>> & { id: string };
export type PartitionImage = { id: string; root: FileSystemImage; kernel: SmallFile; ramdisk: SmallFile };

export async function uploadWholeDisk(fixture: CrashFixture, name: string, sizes: Sizes): Promise<WholeImage> {
  const disk = await makeWholeDisk(fixture.folder, name, sizes);
  const id = await uploadImage(fixture.cloud, { name, path: disk.path, disk_format: 'qcow2', container_format: 'bare' });
  return { ...disk, id };
}

export async function uploadPartition(fixture: CrashFixture, name: string, sizes: Sizes): Promise<PartitionImage> {
  const { cloud, folder } = fixture;
  const root = await makeFileSystem(folder, name, sizes);
  const kernel = await makeBootFile(folder, `${name}-kernel`);
  const ramdisk = await makeBootFile(folder, `${name}-ramdisk`);
  const part = (path: string, format: string) =>
    uploadImage(cloud, { name: `${name}-${format}`, path, disk_format: format, container_format: format });
  const properties = { kernel_id: await part(kernel.path, 'aki'), ramdisk_id: await part(ramdisk.path, 'ari') };
  const id = await uploadImage(cloud, { name, path: root.path, disk_format: 'raw', container_format: 'bare', properties });
  return { id, root, kernel, ramdisk };
}

/** vcpus 1, 512 MiB, 6 GiB, swap 256 MiB. */
export function smallFlavor(fixture: CrashFixture): Promise<string> {
  return createFlavor(fixture.cloud, 'small', {});
}

/** `node`: the UUID of the requested node. */
export type SchedulerRequest = { name: string; imageId: string; flavorId: string; node?: string };

/** The response may be lost with Ingot although the server is stored: then it is looked up by name. */
export async function createServer({ ingot, cloud, networkId }: CrashFixture, requested: SchedulerRequest): Promise<string> {
  const { name, imageId, flavorId, node } = requested;
  const place = node && { availability_zone: `nova::${node}` };
  const networks = [{ uuid: networkId }];
  const body = { server: { name, imageRef: imageId, flavorRef: flavorId, networks, config_drive: true, ...place } };
  return ingot.ask(async () => {
    const { servers } = await cloud.compute<{ servers: { id: string }[] }>(`/servers?name=^${name}$`);
    if (servers[0]) return servers[0].id;
    return (await cloud.compute<{ server: { id: string } }>('/servers', { method: 'POST', body })).server.id;
  });
}

export async function deleteServer({ ingot, cloud }: CrashFixture, id: string): Promise<void> {
  await ingot.ask(async () => {
    try {
      await cloud.compute(`/servers/${id}`, { method: 'DELETE' });
    } catch (error) {
      // It was deleted by the first request, whose response was lost.
      if ((error as { status?: number }).status !== 404) throw error;
    }
  });
}

export async function rebuildServer({ ingot, cloud }: CrashFixture, id: string, imageRef: string): Promise<void> {
  await ingot.ask(async () => {
    const { server } = await cloud.compute<{ server: ServerFacts }>(`/servers/${id}`);
    if (server.status === 'REBUILD') return;
    await cloud.compute(`/servers/${id}/action`, { method: 'POST', body: { rebuild: { imageRef } } });
  });
}

export async function portsOf(
  { ingot, cloud }: CrashFixture,
  serverId: string,
): Promise<{ status: string; mac_address: string }[]> {
  const path = `/network/v2.0/ports?device_id=${serverId}`;
  return (await ingot.ask(() => cloud.call<{ ports: { status: string; mac_address: string }[] }>(path))).ports;
}
