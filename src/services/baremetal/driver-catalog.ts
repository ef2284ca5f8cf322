/** Driver facts for the API: a part of the engine's `Drivers`, declared here because the API needs no more. */
import { fieldOf, type InterfaceKind, interfaceKinds } from '#domain/interface-kinds.ts';

type Property = { readonly help: string; readonly required?: boolean; readonly secret?: boolean; readonly default?: string };
type Implementation = { readonly properties: Readonly<Record<string, Property>> };

export type HardwareTypeFacts = { readonly name: string } & { readonly [K in InterfaceKind]: readonly string[] };
export type DriverCatalog = { readonly hardwareTypes: Readonly<Record<string, HardwareTypeFacts>> } & {
  readonly [K in InterfaceKind]: Readonly<Record<string, Implementation>>;
};

/**
 * All `driver_info` keys of the interfaces of a hardware type. The description of a key that the default interfaces do
 * not use begins with the interfaces that do: `(power_interface=snmp) …`.
 */
export function propertiesOf(catalog: DriverCatalog, type: HardwareTypeFacts): Record<string, Property> {
  const uses = interfaceKinds.flatMap((kind) =>
    type[kind].flatMap((name, index) =>
      Object.entries(catalog[kind][name]?.properties ?? {}).map(([key, property]) => {
        return { key, property, isDefault: index === 0, user: `${fieldOf(kind)}=${name}` };
      }),
    ),
  );
  const byKey = Map.groupBy(uses, ({ key }) => key);
  return { ...forAllTypes, ...Object.fromEntries([...byKey].map(([key, users]) => [key, merge(users)])) };
}

/** Keys that belong to no driver. */
const forAllTypes: Readonly<Record<string, Property>> = {
  power_sync_policy: {
    help: 'Reaction to an unexpected power change: record, correct or maintenance. Default: the setting power.sync_policy.',
  },
};

type Use = { readonly property: Property; readonly isDefault: boolean; readonly user: string };

function merge(uses: readonly Use[]): Property {
  const { property } = uses[0]!;
  if (uses.some(({ isDefault }) => isDefault)) return property;
  return { ...property, help: `(${uses.map(({ user }) => user).join(', ')}) ${property.help}` };
}
