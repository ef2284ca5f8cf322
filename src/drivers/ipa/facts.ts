/** What IPA is told about a node: no more than its commands need. */
import type { Inventory } from '#agent-protocol/messages.ts';
import type { JsonObject } from '#domain/json.ts';
import type { NodeFacts } from '../interfaces.ts';

export type IpaFacts = {
  readonly node: Pick<NodeFacts, 'uuid' | 'properties' | 'ports'>;
  readonly inventory: Inventory;
  /** Where the agent fetches the image of that path. */
  imageUrl(path: string): string;
  /** The config drive, as the ISO file compressed by gzip, in base64; undefined: none. Throws a Fault. */
  configDrive(): Promise<string | undefined>;
};

/**
 * How disks are erased that have no command for it: one pass of zeros. A disk whose own command fails, or that is read-only,
 * fails the cleaning.
 */
const erasure = {
  agent_enable_ata_secure_erase: true,
  agent_enable_nvme_secure_erase: true,
  agent_continue_if_secure_erase_failed: false,
  agent_continue_if_ata_erase_failed: false,
  agent_erase_devices_iterations: 0,
  agent_erase_devices_zeroize: true,
  agent_erase_skip_read_only: false,
  disk_erasure_concurrency: 4,
};

/** @param rootDevice the disk that the image is written to */
export function nodeOf({ uuid, properties }: Pick<NodeFacts, 'uuid' | 'properties'>, rootDevice?: string): JsonObject {
  const { root_device, capabilities } = properties;
  return {
    uuid,
    properties: { ...(root_device !== undefined && { root_device }), ...(capabilities !== undefined && { capabilities }) },
    instance_info: rootDevice === undefined ? {} : { root_device: { name: `s== ${rootDevice}` } },
    driver_internal_info: erasure,
  };
}

export function portsOf({ ports }: Pick<NodeFacts, 'ports'>): JsonObject[] {
  return ports.map(({ address, pxe_enabled }) => ({ address, pxe_enabled }));
}
