/** The first step of a deployment whose image or config drive is named by URL. */
import type { Step } from '#drivers/interfaces.ts';
import { asImage } from '#store/tables/fetched-images.ts';
import type { Image } from '#store/tables/images.ts';
import type { BaseContext, BaseRequest, PinnedImages } from '../worker/base-context.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { pinOfFetched } from '../worker/operation-images.ts';
import { type DeployRequest, deployOf } from './deployment.ts';

type DownloadStep = Step<Pick<BaseContext, 'fetched'>>;
type Parts = Pick<OperationParts, 'drivers' | 'fetcher' | 'settings'>;
type Request = DeployRequest & BaseRequest;

/** None if nothing is named by URL. */
export function downloadSteps(parts: Parts, { request }: { request: Request }): readonly DownloadStep[] {
  if (!request.sources && !request.has_drive_url) return [];
  return [
    {
      ...{ name: 'download images', title: 'Download the images', deadlineSeconds: parts.settings['deploy.image_timeout'] },
      ...{ phase: 'prepare', keepsDisk: true, keepsMachine: true },
      async run(task) {
        const fetched = await downloadAll(parts, request, task);
        if (request.has_drive_url) await task.configDrive();
        return { next: true, context: { fetched } };
      },
    },
  ];
}

type DownloadTask = Parameters<DownloadStep['run']>[0];
const roles = ['image', 'kernel', 'ramdisk'] as const;

/** Those that are here already cost nothing: after a restart, only the rest is downloaded. */
async function downloadAll(parts: Parts, request: Request, task: DownloadTask): Promise<Partial<PinnedImages>> {
  const fetched: Partial<PinnedImages> = {};
  const pins: Partial<PinnedImages> = { ...request.images };
  let image = request.images?.image && !request.sources?.image ? await task.images.get(request.images.image.id) : undefined;
  for (const role of roles) {
    const source = request.sources?.[role];
    if (!source) continue;
    const row = await parts.fetcher.fetch(source, task.signal);
    if (role === 'image') image = asImage(row);
    fetched[role] = pinOfFetched(row);
    task.note('image', `${role} downloaded from ${row.name}`, { image: row.id, size: row.size ?? 0 });
  }
  Object.assign(pins, fetched);
  const names = { kernel: pins.kernel?.id, ramdisk: pins.ramdisk?.id };
  if (image && task.instance) deployOf(parts.drivers, request).checkImage(withParts(image, names), task.instance);
  return fetched;
}

/** As if the image's own properties named what `instance_info` names beside it. */
export function withParts(image: Image, { kernel, ramdisk }: { kernel: string | undefined; ramdisk: string | undefined }): Image {
  const { kernel_id: _, ramdisk_id: __, ...properties } = image.properties;
  return {
    ...image,
    properties: { ...properties, ...(kernel && { kernel_id: kernel }), ...(ramdisk && { ramdisk_id: ramdisk }) },
  };
}
