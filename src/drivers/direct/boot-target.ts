/** How a node boots, as far as its BMC, its inventory and its owner have told. */
import type { BootMode, BootTarget } from '#domain/boot-contents.ts';
import type { Json, Node } from '#domain/records.ts';

type Told = Pick<Node, 'properties' | 'boot_mode' | 'inventory'>;

/**
 * `known`: what the capability `boot_mode` or the BMC says, and the architecture. `last_boot`: with the mode in which the
 * ramdisk last started, where nothing else is known: firmware that can do both may start the disk by the other.
 */
export function bootTargetOf({ properties, boot_mode, inventory }: Told): { known: BootTarget; last_boot: BootTarget } {
  const told = { architecture: at(inventory, 'cpu', 'architecture'), mode: at(inventory, 'firmware', 'mode') };
  const { cpu_arch } = properties;
  const architecture = typeof cpu_arch === 'string' && cpu_arch.trim() !== '' ? cpu_arch : told.architecture;
  const known = { architecture, boot_mode: capableMode(properties['capabilities']) ?? boot_mode ?? undefined };
  const last = told.mode === 'bios' || told.mode === 'uefi' ? told.mode : undefined;
  return { known, last_boot: { ...known, boot_mode: known.boot_mode ?? last } };
}

/** `boot_mode:uefi` among the capabilities, which also is what BMCs are told. */
function capableMode(capabilities: Json | undefined): BootMode | undefined {
  const words = typeof capabilities === 'string' ? capabilities.split(',').map((word) => word.trim()) : [];
  return (['uefi', 'bios'] as const).find((mode) => words.includes(`boot_mode:${mode}`));
}

function at(inventory: Json, group: string, name: string): string | undefined {
  const value = (inventory as Record<string, Record<string, unknown> | undefined> | null)?.[group]?.[name];
  return typeof value === 'string' ? value : undefined;
}
