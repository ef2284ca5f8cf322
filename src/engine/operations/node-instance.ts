/** Instances of Ironic's API: what the node's `instance_info` says is deployed, and it is no server of the compute API. */
import { Fault } from '#domain/faults.ts';
import type { ImageUser } from '#domain/image-visibility.ts';
import type { JsonObject } from '#domain/json.ts';
import { maskUrlSecrets } from '#domain/url-secrets.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import { asImage } from '#store/tables/fetched-images.ts';
import type { Image } from '#store/tables/images.ts';
import type { Node } from '#store/tables/nodes.ts';
import { hostNameOf } from '../servers/host-names.ts';
import type { EngineSettings } from '../settings.ts';
import type { NodeInstance, PinnedImages } from '../worker/base-context.ts';
import { newOperation } from '../worker/define-operation.ts';
import { imagesRequest, pinImages, pinPart } from '../worker/operation-images.ts';
import { deployStepsFor, findDeploySteps, instanceTraits } from './deploy-steps.ts';
import { chooseDeployInterface, DeployRequest, deployRequest } from './deployment.ts';
import { withParts } from './downloads.ts';
import { type ImageReference, type InstanceImages, type InstanceInfo, readInstanceInfo, sourcesOf } from './instance-info.ts';

function instanceOf(node: Node, info: InstanceInfo, { project_id }: ImageUser): NodeInstance {
  const id = node.instance_uuid ?? node.uuid;
  const size = (value: number | string | undefined) => Number(value ?? 0);
  return {
    id,
    hostname: hostNameOf({ id, name: info.display_name || node.name || id }),
    project_id,
    preserve_ephemeral: /^true$/i.test(String(info.preserve_ephemeral ?? false)),
    flavor: {
      name: 'instance_info',
      disk: size(info.root_gb),
      ephemeral: size(info.ephemeral_gb),
      swap: size(info.swap_mb),
      extra_specs: {},
    },
  };
}

/** @param kind of the operation: deploy or rebuild */
type Wanted = { drivers: Drivers; settings: EngineSettings; node: Node; user: ImageUser; kind: string } & {
  deploySteps?: unknown;
  hasDriveUrl: boolean;
};

/** The operation that deploys what the node's `instance_info` describes. @throws Fault `badRequest`, `imageUnusable` */
export async function newInstanceOperation(trx: Store, asked: Wanted) {
  const { drivers, settings, node, user, kind, deploySteps, hasDriveUrl } = asked;
  const wanted = validInstance(node);
  const instance = instanceOf(node, wanted.info, user);
  const { image, pinned } = await pinNamed(trx, wanted, user);
  const sources = sourcesOf(wanted);
  const deployInterface = chooseDeployInterface(drivers, node, { image, instance });
  const found = await findDeploySteps(trx, { drivers, settings, traits: instanceTraits(node), given: deploySteps });
  const steps = deployStepsFor(node, found);
  const request = {
    ...(steps && { steps }),
    ...deployRequest(drivers, node, deployInterface),
    ...(pinned.image && { image_id: pinned.image.id }),
    instance,
    ...imagesRequest(pinned, user),
    ...(Object.keys(sources).length > 0 && { sources }),
    ...(hasDriveUrl && { has_drive_url: true }),
  };
  const purpose = `${kind} node ${node.name ?? node.uuid}`;
  return newOperation<string, typeof DeployRequest>({ kind, request: DeployRequest }, { purpose, node_uuid: node.uuid, request });
}

function validInstance(node: Node): InstanceImages {
  try {
    return readInstanceInfo(node);
  } catch (error) {
    if (!(error instanceof Fault && error.code === 'badRequest')) throw error;
    const detail = `Failed to validate deploy or power info for node ${node.uuid}: ${error.message}`;
    throw new Fault('badRequest', { detail }, error);
  }
}

/** The images of the image service among them, and the image as far as it is known before it is downloaded. */
async function pinNamed(trx: Store, wanted: InstanceImages, user: ImageUser) {
  const { image: reference, isPartition } = wanted;
  const own = 'id' in reference ? await pinImages(trx, reference.id, user) : undefined;
  const pinned: Partial<PinnedImages> = isPartition === false && own ? { image: own.pinned.image } : { ...own?.pinned };
  for (const role of ['kernel', 'ramdisk'] as const) {
    const part = wanted[role];
    if (part && 'id' in part) pinned[role] = await pinPart(trx, part.id, user);
    else if (part) delete pinned[role];
  }
  const names = { kernel: partName(wanted.kernel, pinned.kernel), ramdisk: partName(wanted.ramdisk, pinned.ramdisk) };
  return { image: withParts(own?.row ?? yetUnknown(wanted), names), pinned };
}

function partName(wanted: ImageReference | undefined, pin: { id: string } | undefined): string | undefined {
  return pin?.id ?? (wanted && 'url' in wanted ? 'to be downloaded' : undefined);
}

function yetUnknown({ info }: InstanceImages): Image {
  const at = new Date().toISOString();
  const none = { source_key: '', version: null, size: null, virtual_size: null, md5: null, sha256: null, sha512: null };
  const name = maskUrlSecrets(info.image_source);
  return asImage({ ...none, id: '', name, status: 'incomplete', disk_format: 'raw', created_at: at, used_at: at });
}

/** Keeps the config drive for this deployment and later rebuilds. */
export async function saveConfigDrive(trx: Store, { uuid, name }: Node, given: JsonObject): Promise<void> {
  await trx.config_drives.remove({ id: uuid });
  // As in Ironic, the metadata of a drive that is rendered here names the node.
  const document =
    'iso' in given || 'url' in given
      ? given
      : { ...given, meta_data: { uuid, ...(name && { name }), ...asObject(given['meta_data']) } };
  await trx.config_drives.insert({ id: uuid, document });
}

function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
