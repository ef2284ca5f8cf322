/** What a flavor and an image require of a machine, from their sizes, extra specs and properties. */
import type { Flavor } from '#store/tables/flavors.ts';
import type { Image } from '#store/tables/images.ts';

export type ChosenImage = Pick<Image, 'min_disk' | 'min_ram' | 'properties'>;

export type Requirements = {
  vcpus: number;
  memory_mb: number;
  local_gb: number;
  /** `resources:` other than the three sizes: class → amount; zero amounts are left out. */
  resources: Readonly<Record<string, number>>;
  traits: readonly { name: string; required: boolean }[];
  /** Capability → requirement with its operator. */
  capabilities: Readonly<Record<string, string>>;
  /** What the image is made for; each field is optional. */
  made_for: MadeFor;
};

export type MadeFor = { architecture?: string | undefined; hypervisor_type?: string | undefined; vm_mode?: string | undefined };

const sizeClasses = { VCPU: 'vcpus', MEMORY_MB: 'memory_mb', DISK_GB: 'local_gb' } as const;

/** Reads all requirements. Extra specs of other scopes (`baremetal:`, `hw:`, `quota:`…) are ignored. */
export function readRequirements(flavor: Flavor, image?: ChosenImage): Requirements {
  const sizes = flavorSizes(flavor);
  const resources: Record<string, number> = {};
  const traits: { name: string; required: boolean }[] = [];
  const capabilities: Record<string, string> = {};
  for (const [key, value] of [...Object.entries(flavor.extra_specs), ...imageTraits(image)]) {
    const { scope, name } = splitKey(key);
    if (scope === 'resources') readResource({ sizes, resources }, name, Number(value));
    else if (scope === 'trait') traits.push({ name, required: value !== 'forbidden' });
    else if (scope === 'capabilities' || scope === '') capabilities[name] = value;
  }
  return {
    vcpus: sizes.vcpus,
    memory_mb: Math.max(sizes.memory_mb, image?.min_ram ?? 0),
    local_gb: Math.max(sizes.local_gb, image?.min_disk ?? 0),
    resources,
    traits,
    capabilities,
    made_for: madeFor(image),
  };
}

/** Nova's ImagePropertiesFilter, including the former property names. */
export function madeFor(image: Pick<ChosenImage, 'properties'> | undefined): MadeFor {
  const { properties = {} } = image ?? {};
  return {
    architecture: properties['hw_architecture'] ?? properties['architecture'],
    hypervisor_type: properties['img_hv_type'] ?? properties['hypervisor_type'],
    vm_mode: properties['hw_vm_mode'] ?? properties['vm_mode'],
  };
}

type Sizes = { vcpus: number; memory_mb: number; local_gb: number };

function flavorSizes(flavor: Flavor): Sizes {
  return {
    vcpus: flavor.vcpus,
    memory_mb: flavor.ram,
    local_gb: flavor.disk + flavor.ephemeral + Math.ceil(flavor.swap / 1024),
  };
}

/** With `resources:VCPU=0` a flavor disables the size check and relies on the resource class. */
function readResource(into: { sizes: Sizes; resources: Record<string, number> }, name: string, amount: number): void {
  const size = sizeClasses[name as keyof typeof sizeClasses];
  if (size) into.sizes[size] = Number.isFinite(amount) ? amount : 0;
  else if (amount > 0) into.resources[name] = amount;
}

/** `trait1:X` and `resources1:X` (numbered groups) are equivalent for a whole machine. */
function splitKey(key: string): { scope: string; name: string } {
  const colon = key.indexOf(':');
  if (colon < 0) return { scope: '', name: key };
  return { scope: key.slice(0, colon).replace(/^(resources|trait)[\w-]*$/, '$1'), name: key.slice(colon + 1) };
}

function imageTraits(image: ChosenImage | undefined): [string, string][] {
  return Object.entries(image?.properties ?? {}).filter(([key]) => /^trait[\w-]*:/.test(key));
}
