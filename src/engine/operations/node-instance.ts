/**
 * Instances of Ironic's API: what the node's `instance_info` says is deployed, and it is no server of the compute API. The
 * fields are Ironic's (`ironic/drivers/modules/deploy_utils.py`, `parse_instance_info`).
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { ImageUser } from '#domain/image-visibility.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { hostNameOf } from '../servers/host-names.ts';
import type { EngineSettings } from '../settings.ts';
import type { NodeInstance } from '../worker/base-context.ts';
import { newOperation } from '../worker/define-operation.ts';
import { imagesRequest, pinImages } from '../worker/operation-images.ts';
import { deployStepsFor, findDeploySteps, instanceTraits } from './deploy-steps.ts';
import { chooseDeployInterface, DeployRequest, deployRequest } from './deployment.ts';

/** In GiB or MiB. Sizes come as numbers, or as text from clients that know no types. */
const Size = Type.Union([Type.Integer({ minimum: 0, maximum: 999_999 }), Type.String({ pattern: '^[0-9]{1,6}$' })]);
const InstanceInfo = Type.Object({
  image_source: Type.String({ minLength: 1, maxLength: 2048 }),
  root_gb: Type.Optional(Size),
  ephemeral_gb: Type.Optional(Size),
  swap_mb: Type.Optional(Size),
  preserve_ephemeral: Type.Optional(Type.Union([Type.Boolean(), Type.String({ pattern: '^([Tt]rue|[Ff]alse)$' })])),
  display_name: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
});
type InstanceInfo = Static<typeof InstanceInfo>;

const imagePattern = /^(?:glance:\/\/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

const isGiven = (value: unknown) => value !== undefined && value !== null && value !== '';

/** What would change how the machine boots, and is not supported. Nova and others send more, which only describes. */
const refusedTable: Readonly<Record<string, (value: unknown) => boolean>> = {
  kernel: isGiven,
  ramdisk: isGiven,
  capabilities: (value) => isGiven(value) && !/^\{("boot_option":"local")?\}$/.test(asText(value)),
};

function asText(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\s/g, '').replaceAll("'", '"');
}

/** @throws Fault `badRequest` with what `instance_info` lacks, or `unsupported` */
function readInstanceInfo({ uuid, instance_info }: Node): InstanceInfo & { image_id: string } {
  const refuse = (detail: string) =>
    new Fault('badRequest', { detail: `Failed to validate deploy or power info for node ${uuid}: ${detail}` });
  if (instance_info['image_source'] === undefined)
    throw refuse("one or more parameters are missing from its instance_info. Missing are: ['instance_info.image_source']");
  if (!Value.Check(InstanceInfo, instance_info)) {
    const [error] = Value.Errors(InstanceInfo, instance_info);
    throw refuse(`instance_info${error?.instancePath}: it ${error?.message}.`);
  }
  const unsupported = Object.entries(refusedTable).find(([name, isRefused]) => isRefused((instance_info as JsonObject)[name]));
  if (unsupported) throw new Fault('unsupported', { what: `instance_info.${unsupported[0]} of this value` });
  const image_id = imagePattern.exec(instance_info.image_source)?.[1]?.toLowerCase();
  if (image_id === undefined)
    throw new Fault('unsupported', { what: 'An instance_info.image_source that is not the id of an image' });
  return { ...instance_info, image_id };
}

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
type Wanted = { drivers: Drivers; settings: EngineSettings; node: Node; user: ImageUser; kind: string; deploySteps?: unknown };

/** The operation that deploys what the node's `instance_info` describes. @throws Fault `badRequest`, `imageUnusable` */
export async function newInstanceOperation(trx: Store, { drivers, settings, node, user, kind, deploySteps }: Wanted) {
  const info = readInstanceInfo(node);
  const instance = instanceOf(node, info, user);
  const { row: image, pinned } = await pinImages(trx, info.image_id, user);
  const deployInterface = chooseDeployInterface(drivers, node, { image, instance });
  const wanted = await findDeploySteps(trx, { drivers, settings, traits: instanceTraits(node), given: deploySteps });
  const steps = deployStepsFor(node, wanted);
  const request = {
    ...(steps && { steps }),
    ...deployRequest(drivers, node, deployInterface),
    image_id: image.id,
    instance,
    ...imagesRequest(pinned, user),
  };
  const purpose = `${kind} node ${node.name ?? node.uuid}`;
  return newOperation<string, typeof DeployRequest>({ kind, request: DeployRequest }, { purpose, node_uuid: node.uuid, request });
}

/** Keeps the config drive for this deployment and later rebuilds. */
export async function saveConfigDrive(trx: Store, { uuid, name }: Node, given: JsonObject): Promise<void> {
  await trx.config_drives.remove({ id: uuid });
  // As in Ironic, the metadata of a drive that is rendered here names the node.
  const document =
    'iso' in given ? given : { ...given, meta_data: { uuid, ...(name && { name }), ...asObject(given['meta_data']) } };
  await trx.config_drives.insert({ id: uuid, document });
}

function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
