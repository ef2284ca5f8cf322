import { classicDisks } from '#agent-protocol/classic.ts';
import { Fault } from '#domain/faults.ts';
import type { NodeFacts } from '../interfaces.ts';
import { rootDeviceOf } from '../root-device.ts';
import { softwareVolumes } from '../software-volumes.ts';

/**
 * The kernel parameter `disk`: names in order of preference. The classic ramdisk supports no hint but a name.
 * @throws Fault `badRequest` if the node has hints, or software RAID, that the ramdisk would ignore
 */
export function rootDiskNames(node: Pick<NodeFacts, 'name' | 'uuid' | 'properties' | 'raid_config'>): string {
  if (softwareVolumes({ raid_config: node.raid_config ?? {} }).length > 0) {
    const why = 'has software RAID, whose members the classic ramdisk would overwrite: use the deploy interface direct';
    throw new Fault('badRequest', { detail: `Node ${node.name ?? node.uuid} ${why}.` });
  }
  const hints = rootDeviceOf(node);
  if (hints.length === 0) return classicDisks;
  const [{ name, expression } = { name: undefined, expression: '' }] = hints;
  const [, device] = /^(?:s==\s*)?\/dev\/([a-z0-9]+(?:\/[a-z0-9]+)?)$/.exec(expression) ?? [];
  if (hints.length === 1 && name === 'name' && device !== undefined) return device;
  const detail = `properties/root_device of node ${node.name ?? node.uuid} cannot be used: the deploy interface iscsi takes only a name ("/dev/sda").`;
  throw new Fault('badRequest', { detail });
}
