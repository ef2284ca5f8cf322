/**
 * The disks seen in a machine since it was last cleaned. A disk that is missing at the next cleaning was not erased: it
 * may have died with a tenant's data on it, or may come back.
 */
import { Value } from 'typebox/value';
import { Inventory } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Store } from '#store/store.ts';
import type { KnownDisk, Node } from '#store/tables/nodes.ts';
import { identityOf } from '../nodes/machine-identity.ts';

/** Property by which an operator accepts lost disks and their data: comma-separated serial numbers or device names. */
const lostDisks = 'lost_disks';

/** Stores the agent's new report. The disks of the former one stay known, because they may hold tenant data. */
export async function keepInventory(store: Store, uuid: string, inventory: Inventory): Promise<void> {
  const node = await store.nodes.find({ uuid });
  if (!node) return;
  const { uuid: machine_uuid, serial: machine_serial } = identityOf(inventory);
  const report = inventory as unknown as JsonObject;
  const present = disksOf(report);
  const known_disks = [...missingFrom(present, node.known_disks ?? disksOf(node.inventory)), ...present];
  await store.nodes.update({ uuid }, { inventory: report, machine_uuid, machine_serial, known_disks });
}

/** The disks of a report, without removable media, which are not erased. After a cleaning these are the known disks. */
export function disksOf(inventory: JsonObject | null): KnownDisk[] {
  if (!Value.Check(Inventory, inventory)) return [];
  return inventory.disks
    .filter(({ removable }) => !removable)
    .map(({ device, size_bytes, model, serial }) => ({ device, size_bytes, model, serial }));
}

/** @throws Fault `diskMissing` unless all known disks, and at least one, were erased */
export function expectAllErased(node: Pick<Node, 'inventory' | 'known_disks' | 'properties'>, erased: readonly string[]): void {
  const present = disksOf(node.inventory).filter(({ device }) => erased.includes(device));
  const accepted = String(node.properties[lostDisks] ?? '').split(/[\s,]+/);
  const missing = missingFrom(present, node.known_disks ?? []).filter((disk) => !accepted.includes(nameOf(disk)));
  const [first] = missing;
  if (first) {
    const wanted = missing.map(nameOf).join(',');
    throw new Fault('diskMissing', {
      what: missing.map(describe).join(', '),
      remedy: `\`baremetal node set --property ${lostDisks}=${wanted}\` accepts the loss of the disk and its data`,
    });
  }
  if (erased.length > 0 || String(node.properties['local_gb']) === '0') return;
  throw new Fault('diskMissing', {
    what: 'any disk',
    remedy: '`baremetal node set --property local_gb=0` declares the machine diskless',
  });
}

/**
 * Matches by serial number if present, otherwise by size, preferably with the same name. Each present disk matches
 * once.
 */
function missingFrom(present: readonly KnownDisk[], known: readonly KnownDisk[]): KnownDisk[] {
  const left = [...present];
  const take = (fits: (disk: KnownDisk) => boolean) => {
    const index = left.findIndex(fits);
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  };
  const named = known.filter(({ serial }) => serial && present.some((disk) => disk.serial));
  const missing = named.filter(({ serial }) => !take((disk) => disk.serial === serial));
  const unnamed = known.filter((disk) => !named.includes(disk));
  const moved = unnamed.filter(
    (disk) => !take(({ device, size_bytes }) => device === disk.device && size_bytes === disk.size_bytes),
  );
  return [...missing, ...moved.filter((disk) => !take(({ size_bytes }) => size_bytes === disk.size_bytes))];
}

/**
 * The disk's name for the property, as shown in a command that operators copy. Disk names come from the machine, so
 * characters with a meaning to a shell or to the list are removed.
 */
function nameOf({ serial, device }: KnownDisk): string {
  return (serial || device).replace(/[^\w./:+-]+/g, '_');
}

function describe({ device, model, serial, size_bytes }: KnownDisk): string {
  const parts = [model, serial && `serial ${serial}`, `${Math.round(size_bytes / 1e9)} GB`].filter(Boolean);
  return `disk ${device} (${parts.join(', ')})`.replaceAll('`', "'");
}
