/**
 * What a node's `instance_info` says about the instance of Ironic's API that is to be deployed. Fields and texts are Ironic's
 * (`parse_instance_info`, `validate_capabilities` and `AgentDeploy.validate`).
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { maskUrlSecrets } from '#domain/url-secrets.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { ImageSources } from '../worker/base-context.ts';
import { refuseCapabilities } from './instance-capabilities.ts';

/** In GiB or MiB. Sizes come as numbers, or as text from clients that know no types. */
const Size = Type.Union([Type.Integer({ minimum: 0, maximum: 999_999 }), Type.String({ pattern: '^[0-9]{1,6}$' })]);
const Text = (maxLength: number) => Type.Optional(Type.Union([Type.String({ maxLength }), Type.Null()]));
const InstanceInfo = Type.Object({
  image_source: Type.String({ minLength: 1, maxLength: 2048 }),
  image_checksum: Text(2048),
  image_os_hash_algo: Text(16),
  image_os_hash_value: Text(2048),
  image_disk_format: Text(32),
  image_type: Text(32),
  kernel: Text(2048),
  ramdisk: Text(2048),
  root_gb: Type.Optional(Size),
  ephemeral_gb: Type.Optional(Size),
  swap_mb: Type.Optional(Size),
  preserve_ephemeral: Type.Optional(Type.Union([Type.Boolean(), Type.String({ pattern: '^([Tt]rue|[Ff]alse)$' })])),
  display_name: Text(255),
});
export type InstanceInfo = Static<typeof InstanceInfo>;

/** An image of the image service, or one to be downloaded. */
export type ImageReference = { readonly id: string } | { readonly url: string };

export type InstanceImages = {
  readonly info: InstanceInfo;
  readonly image: ImageReference;
  /** Of a partition image; those of the image's own properties come after them. */
  readonly kernel?: ImageReference;
  readonly ramdisk?: ImageReference;
  /** Undefined: as the image's own properties say. */
  readonly isPartition: boolean | undefined;
};

const isGiven = (value: unknown) => value !== undefined && value !== null && value !== '';

/** What would change how the machine boots, or how the image is downloaded. Nova and others send more, which only describes. */
const unsupported = ['boot_iso', 'image_request_authorization_secret', 'image_pull_secret'] as const;

/** @throws Fault `badRequest` with what `instance_info` lacks, or `unsupported` */
export function readInstanceInfo(node: Node): InstanceImages {
  const info = checkedInfo(node);
  refuseCapabilities(node);
  const image = referenceOf(info.image_source);
  if ('url' in image && !/^file:/i.test(image.url)) refuseMissingChecksum(node, info);
  if ('url' in image) refuseOddChecksum(info);
  const isPartition = partitionOf(info, image);
  const [kernel, ramdisk] = [info.kernel, info.ramdisk].map((text) =>
    text && isPartition !== false ? referenceOf(text) : undefined,
  );
  if (isPartition && 'url' in image) refuseMissingParts(info);
  return { info, image, isPartition, ...(kernel && { kernel }), ...(ramdisk && { ramdisk }) };
}

function checkedInfo({ uuid, instance_info }: Node): InstanceInfo {
  const given: JsonObject = instance_info;
  const refused = unsupported.find((name) => isGiven(given[name]));
  if (refused) throw new Fault('unsupported', { what: `instance_info.${refused}` });
  if (!isGiven(given['image_source'])) {
    const missing = "Missing are: ['instance_info.image_source']";
    throw refuse(`Node ${uuid} failed to validate deploy image info. Some parameters were missing. ${missing}`);
  }
  if (!Value.Check(InstanceInfo, given)) {
    const [error] = Value.Errors(InstanceInfo, given);
    throw refuse(`instance_info${error?.instancePath}: it ${error?.message}.`);
  }
  const { image_type: type } = given;
  if (type && !imageTypes.includes(type)) throw refuse(`Invalid image_type "${type}", valid are ${imageTypes.join(', ')}`);
  return given;
}

const imageTypes: readonly string[] = ['partition', 'whole-disk'];

export function refuse(detail: string): Fault {
  return new Fault('badRequest', { detail });
}

const imagePattern = /^(?:glance:\/\/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
/** Ironic's further protocols. */
const unsupportedSchemes = /^(oci|nfs|cifs|smb):/i;

function referenceOf(text: string): ImageReference {
  const id = imagePattern.exec(text)?.[1]?.toLowerCase();
  if (id !== undefined) return { id };
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && unsupportedSchemes.test(text)) throw new Fault('unsupported', { what: `An image by ${scheme}` });
  const why =
    scheme === undefined ? 'Scheme-less image href is not a UUID.' : `Image download protocol ${scheme} is not supported.`;
  if (!/^(https?|file):\/\//i.test(text) || !URL.canParse(text))
    throw refuse(`Validation of image href ${maskUrlSecrets(text)} failed, reason: ${why}`);
  return { url: text };
}

/** Images of the image service have one; that of a file is computed. */
function refuseMissingChecksum({ uuid }: Node, info: InstanceInfo): void {
  const { image_os_hash_algo: algorithm, image_os_hash_value: value, image_checksum } = info;
  const isComplete = value ? algorithm : !algorithm && image_checksum;
  if (isComplete) return;
  throw refuse(
    `image_source's "image_checksum", or "image_os_hash_algo" and "image_os_hash_value" must be provided in instance_info for node ${uuid}`,
  );
}

const checksumPattern = /^(https?:\/\/.*|[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{128})$/i;
const algorithms: readonly string[] = ['md5', 'sha256', 'sha512'];

function refuseOddChecksum(info: InstanceInfo): void {
  const { checksum, algorithm } = checksumOf(info);
  if (algorithm && !algorithms.includes(algorithm.toLowerCase()))
    throw new Fault('unsupported', { what: `The image_os_hash_algo ${algorithm}` });
  if (checksum && !checksumPattern.test(checksum)) throw refuse('The supplied image checksum is invalid or does not match.');
}

/** `image_os_hash_value` counts more than `image_checksum`. */
function checksumOf(info: InstanceInfo): { checksum?: string; algorithm?: string } {
  const { image_os_hash_algo: algorithm, image_os_hash_value: value, image_checksum } = info;
  if (value) return { checksum: value, ...(algorithm && { algorithm }) };
  return image_checksum ? { checksum: image_checksum } : {};
}

function partitionOf({ image_type, kernel, ramdisk }: InstanceInfo, image: ImageReference): boolean | undefined {
  if (image_type) return image_type === 'partition';
  if (kernel || ramdisk) return true;
  return 'url' in image ? false : undefined;
}

function refuseMissingParts(info: InstanceInfo): void {
  const missing = (['kernel', 'ramdisk', 'root_gb'] as const).filter((name) => !isGiven(info[name]));
  const names = missing.map((name) => `'${name}'`).join(', ');
  if (missing.length > 0) throw refuse(`Some parameters were missing in node's instance_info. Missing are: [${names}]`);
}

/** Of an instance's images those that must be downloaded. */
export function sourcesOf({ info, image, kernel, ramdisk }: InstanceImages): ImageSources {
  const format = info.image_disk_format;
  return {
    ...('url' in image && {
      image: { url: image.url, use: 'disk', ...checksumOf(info), ...(format && { disk_format: format }) },
    }),
    ...(kernel && 'url' in kernel && { kernel: { url: kernel.url, use: 'kernel' } }),
    ...(ramdisk && 'url' in ramdisk && { ramdisk: { url: ramdisk.url, use: 'ramdisk' } }),
  };
}
