/** The software RAID that a node has, as its `raid_config` says. */
import type { RaidVolume } from '#agent-protocol/messages.ts';
import { softwareController } from '#agent-protocol/raid-plan.ts';
import type { Node } from '#store/tables/nodes.ts';

export function softwareVolumes({ raid_config }: Pick<Node, 'raid_config'>): RaidVolume[] {
  return (raid_config.logical_disks ?? []).flatMap((disk) => {
    const { controller, volume_name: name, is_root_volume } = disk;
    if (controller !== softwareController || typeof name !== 'string') return [];
    return [{ name, ...(is_root_volume !== undefined && { is_root: is_root_volume }) }];
  });
}
