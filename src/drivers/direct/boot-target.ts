/** Architecture and boot mode of a node, from its BMC, its inventory and the operator's settings. */
import type { BootMode, BootTarget } from '#domain/boot-contents.ts';
import type { Json } from '#domain/json.ts';
import type { Node } from '#store/tables/nodes.ts';

type Reported = Pick<Node, 'properties' | 'boot_mode' | 'inventory'>;

/**
 * `known`: boot mode by the capability `boot_mode` or the BMC, and the architecture. `last_boot`: if the mode is not
 * known, the one in which the ramdisk last started; firmware that supports both may boot the disk in the other one.
 */
export function bootTargetOf({ properties, boot_mode, inventory }: Reported): { known: BootTarget; last_boot: BootTarget } {
  const reported = { architecture: at(inventory, 'cpu', 'architecture'), mode: at(inventory, 'firmware', 'mode') };
  const { cpu_arch } = properties;
  const architecture = typeof cpu_arch === 'string' && cpu_arch.trim() !== '' ? cpu_arch : reported.architecture;
  const known = { architecture, boot_mode: capableMode(properties['capabilities']) ?? boot_mode ?? undefined };
  const last = reported.mode === 'bios' || reported.mode === 'uefi' ? reported.mode : undefined;
  return { known, last_boot: { ...known, boot_mode: known.boot_mode ?? last } };
}

/** `boot_mode:uefi` in the capabilities, which is also sent to BMCs. */
function capableMode(capabilities: Json | undefined): BootMode | undefined {
  const words = typeof capabilities === 'string' ? capabilities.split(',').map((word) => word.trim()) : [];
  return (['uefi', 'bios'] as const).find((mode) => words.includes(`boot_mode:${mode}`));
}

function at(inventory: Json, group: string, name: string): string | undefined {
  const value = (inventory as Record<string, Record<string, unknown> | undefined> | null)?.[group]?.[name];
  return typeof value === 'string' ? value : undefined;
}
