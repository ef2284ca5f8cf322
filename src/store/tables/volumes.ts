import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

type VolumeRecord = { uuid: string; node_uuid: string; extra: JsonObject; created_at: string; updated_at: string | null };

/** By what a node is known to a storage, such as the name of its iSCSI initiator. */
export type VolumeConnector = VolumeRecord & {
  /** `iqn`, `ip`, `mac`, `wwnn`, `wwpn`, `port`, `portgroup`. */
  type: string;
  /** Unique with the type. */
  connector_id: string;
};

/** A volume for a node. */
export type VolumeTarget = VolumeRecord & {
  /** `iscsi`, `fibre_channel`. */
  volume_type: string;
  volume_id: string;
  /** How to connect to it, with credentials. */
  properties: JsonObject;
  /** Unique for a node. */
  boot_index: number;
};

export class VolumeConnectors extends Collection<VolumeConnector> {
  static override readonly table = { name: 'volume_connectors', json: ['extra'] };
}

export class VolumeTargets extends Collection<VolumeTarget> {
  static override readonly table = { name: 'volume_targets', key: 'uuid', json: ['properties', 'extra'], sealed: ['properties'] };
}
