/** Firmware updates that were sent to a BMC and may not have ended: their machines must not be switched. */
import { Collection } from '../collection.ts';
import { compares, isAmong, isEqual } from '../conditions.ts';

export type FirmwareUpdateRow = {
  /** Another one each time that an update is sent. */
  id: string;
  /** The row is deleted with the node. */
  node_uuid: string;
  /** Empty: the image decides. */
  component: string;
  /** The operation that has sent it. */
  operation_id: string;
  /** Of the image, with its password; empty: not known. */
  url: string;
  /** By component, before it was sent; empty: the BMC reports none. */
  versions: Record<string, string | null>;
  /** By which the driver finds it; null: the BMC has not accepted it yet, or its reply was lost. */
  task: { id: string; request: string; isRestarting?: boolean } | null;
  sent_at: string;
  /** From then on it counts as over. */
  expires_at: string;
};

export class FirmwareUpdates extends Collection<FirmwareUpdateRow, { firmware_updates: FirmwareUpdateRow }> {
  static override readonly table = {
    name: 'firmware_updates',
    keptBy: 'node_uuid',
    json: ['versions', 'task'],
    sealed: ['url'],
  };

  /** Those of a node that may not have ended, the oldest first. */
  async live(node_uuid: string): Promise<FirmwareUpdateRow[]> {
    const now = new Date().toISOString();
    return (await this.list({ node_uuid }, { orderBy: 'sent_at' })).filter(({ expires_at }) => expires_at > now);
  }

  /** Those of its child nodes. */
  liveOfChildren(parent_node: string): Promise<FirmwareUpdateRow[]> {
    const children = { table: 'nodes', select: 'uuid', where: [isEqual('parent_node', parent_node)] };
    return this.list([isLive(), isAmong('node_uuid', children)], { orderBy: 'sent_at' });
  }

  /** The nodes that have any: few. */
  async liveNodes(): Promise<string[]> {
    return (await this.pick(['node_uuid'], [isLive()])).map(({ node_uuid }) => node_uuid);
  }

  /** Removes those that count as over. */
  async sweep(): Promise<void> {
    await this.db.deleteFrom('firmware_updates').where('expires_at', '<=', new Date().toISOString()).execute();
  }
}

const isLive = () => compares('expires_at', '>', new Date().toISOString());
