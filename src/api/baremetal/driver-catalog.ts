/** What the API tells of drivers: a part of the engine's `Drivers`, declared here because that is all it needs. */

export const slots = ['power', 'management', 'boot', 'deploy', 'console', 'bios', 'firmware', 'vendor'] as const;
export type Slot = (typeof slots)[number];

type Property = { readonly help: string; readonly required?: boolean; readonly secret?: boolean; readonly default?: string };
type Implementation = { readonly properties: Readonly<Record<string, Property>> };

export type HardwareTypeFacts = { readonly name: string } & { readonly [S in Slot]: readonly string[] };
export type DriverCatalog = { readonly hardwareTypes: Readonly<Record<string, HardwareTypeFacts>> } & {
  readonly [S in Slot]: Readonly<Record<string, Implementation>>;
};

/** All `driver_info` keys that the interfaces of a hardware type know. */
export function propertiesOf(catalog: DriverCatalog, type: HardwareTypeFacts): Record<string, Property> {
  const found: Record<string, Property> = {};
  for (const slot of slots) for (const name of type[slot]) Object.assign(found, catalog[slot][name]?.properties);
  return found;
}
