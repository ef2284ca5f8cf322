/** The agent in a node's ramdisk, Ingot's or Ironic's: which, its files, its kernel parameters, and its form of images. */
import { ipaParameters, ipaRoutes } from '#agent-protocol/ipa.ts';
import { kernelParameters, routes } from '#agent-protocol/routes.ts';
import { Fault } from '#domain/faults.ts';
import { readDriverInfo } from '#drivers/driver-info.ts';
import {
  type AgentImage,
  type AgentKind,
  agentKinds,
  type BootAddresses,
  type ImageSource,
  type Instance,
  type NodeFacts,
} from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { EngineSettings } from '../settings.ts';
import type { RunningOperation } from './base-context.ts';
import { refuseForeignDeployImage } from './operation-images.ts';

type Settings = { settings: Pick<EngineSettings, 'deploy.agent'> };

/** As the operation's first step has written it; until then as the node says, or the setting. */
export function agentKindOf({ settings }: Settings, { operation }: { operation: RunningOperation }, node: NodeFacts): AgentKind {
  const { agent_secret, ipa } = operation.context;
  if (agent_secret !== undefined) return ipa ? 'ipa' : 'ingot';
  return readDriverInfo(node).choice('agent', agentKinds, settings['deploy.agent']);
}

/** Kernel parameters by which the agent finds this server and authenticates. */
export function agentParameters(addresses: BootAddresses, { id, context }: RunningOperation): Record<string, string> {
  const token = `${id}.${context.agent_secret}`;
  const { agent, http_url } = addresses;
  if (context.ipa)
    return {
      [ipaParameters.url]: `${agent?.url ?? http_url}${ipaRoutes.api}/${token}`,
      ...(agent && { [ipaParameters.insecure]: '1' }),
      [ipaParameters.requestId]: `req-${id}`,
    };
  return {
    [kernelParameters.url]: http_url,
    ...(agent && { [kernelParameters.secureUrl]: agent.url, [kernelParameters.certificate]: agent.certificate }),
    [kernelParameters.token]: token,
  };
}

type ImageParts = { images: Pick<ImageSource, 'disk' | 'extents'>; boot: { readonly addresses: BootAddresses } };

/** IPA writes raw images while it fetches them, and needs memory for any other. */
export async function imageFor(kind: AgentKind, { images, boot }: ImageParts, id: string): Promise<AgentImage> {
  const { path: _, sha256, ...facts } = kind === 'ipa' ? await images.disk(id) : await images.extents(id);
  const { http_url, plain_images } = boot.addresses;
  const { size, virtual_size } = facts;
  const path = `${kind === 'ipa' ? ipaRoutes.images : routes.images}/${id}`;
  return { ...facts, source: { path, ...(plain_images && { base_url: http_url }), sha256, size, virtual_size } };
}

const imageId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const labels = ['kernel', 'ramdisk'] as const;
type Label = (typeof labels)[number];
type RamdiskOwner = { instance: Instance | undefined; node: NodeFacts; kind: AgentKind };

/**
 * From the flavor first, then the node, then the settings. A setting may be a file path; the others may not, because their
 * author could have any file of this host sent to machines.
 */
export async function deployRamdisk(
  parts: { store: Store; images: Pick<ImageSource, 'file'>; settings: EngineSettings },
  owner: RamdiskOwner,
): Promise<{ kernel: string; ramdisk: string }> {
  const find = async (label: Label) => {
    const { named, wanted } = sourceOf(label, owner);
    const chosen = named ?? filesOf(parts.settings, owner.kind)[label];
    if (chosen === '' || (named !== undefined && !imageId.test(named))) {
      const detail = named ? `'${named}' is no image id: ${wanted}` : `no ${label} is configured: ${wanted}`;
      throw new Fault('imageUnusable', { image: `(deploy ${label})`, detail });
    }
    if (!imageId.test(chosen)) return chosen;
    await refuseForeignDeployImage(parts.store, chosen);
    return parts.images.file(chosen);
  };
  const [kernel, ramdisk] = await Promise.all([find('kernel'), find('ramdisk')]);
  return { kernel, ramdisk };
}

function filesOf(settings: EngineSettings, kind: AgentKind): Record<Label, string> {
  if (kind === 'ipa') return { kernel: settings['deploy.ipa_kernel'], ramdisk: settings['deploy.ipa_ramdisk'] };
  return { kernel: settings['deploy.kernel'], ramdisk: settings['deploy.ramdisk'] };
}

/** A node's `deploy_kernel` is heeded with IPA alone: nodes brought from Ironic have it, for a ramdisk of that kind. */
function sourceOf(label: Label, { instance, node, kind }: RamdiskOwner) {
  const ofFlavor = instance?.flavor.extra_specs[`baremetal:deploy_${label}_id`];
  const setting = kind === 'ipa' ? `deploy.ipa_${label}` : `deploy.${label}`;
  const place = `set baremetal:deploy_${label}_id on the flavor to the id of an image, or the setting ${setting}`;
  if (kind === 'ingot') return { named: ofFlavor, wanted: place };
  const own = readDriverInfo(node)
    .text(`deploy_${label}`)
    .replace(/^glance:\/\//, '');
  const wanted = `${place}, or deploy_${label} in the node's driver_info to the id of an image`;
  return { named: ofFlavor ?? (own === '' ? undefined : own), wanted };
}
