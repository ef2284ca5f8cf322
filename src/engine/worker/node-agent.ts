/** The agent in a node's ramdisk, Ingot's or Ironic's: which, its kernel parameters, and its form of images. */
import { ipaParameters, ipaRoutes } from '#agent-protocol/ipa.ts';
import { kernelParameters, routes } from '#agent-protocol/routes.ts';
import { readDriverInfo } from '#drivers/driver-info.ts';
import {
  type AgentImage,
  type AgentKind,
  agentKinds,
  type BootAddresses,
  type ImageSource,
  type NodeFacts,
} from '#drivers/interfaces.ts';
import type { EngineSettings } from '../settings.ts';
import type { RunningOperation } from './base-context.ts';

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
