/**
 * The kinds of hardware interface, which Ironic calls interface types. The node's columns, the drivers' contracts, the
 * hardware types and the fields of the bare-metal API are derived from this table.
 */

type KindRow = {
  /** The minor microversion from which Ironic shows the kind in a node, and in a driver. */
  readonly since: { readonly node: number; readonly driver: number };
  /** Name of the interface of hardware without this function; also the only one of a hardware type that lists none. */
  readonly none?: string;
};

export const interfaceKindTable = {
  power: { since: { node: 31, driver: 30 } },
  management: { since: { node: 31, driver: 30 } },
  boot: { since: { node: 31, driver: 30 } },
  deploy: { since: { node: 31, driver: 30 } },
  console: { since: { node: 31, driver: 30 }, none: 'no-console' },
  bios: { since: { node: 40, driver: 40 }, none: 'no-bios' },
  firmware: { since: { node: 86, driver: 86 }, none: 'no-firmware' },
  inspect: { since: { node: 31, driver: 30 }, none: 'no-inspect' },
  vendor: { since: { node: 31, driver: 30 }, none: 'no-vendor' },
  raid: { since: { node: 31, driver: 30 }, none: 'no-raid' },
} as const satisfies Readonly<Record<string, KindRow>>;

export type InterfaceKind = keyof typeof interfaceKindTable;
export type InterfaceField = `${InterfaceKind}_interface`;
/** The interfaces that a node has selected, as in its record and in the API: `power_interface`, … */
export type NodeInterfaces = { [F in InterfaceField]: string };

export const interfaceKinds = Object.keys(interfaceKindTable) as InterfaceKind[];
export const interfaceFields = interfaceKinds.map(fieldOf);

export function fieldOf<K extends InterfaceKind>(kind: K): `${K}_interface` {
  return `${kind}_interface`;
}

/** One value per kind. */
export function perKind<T>(make: (kind: InterfaceKind) => T): { [K in InterfaceKind]: T } {
  return Object.fromEntries(interfaceKinds.map((kind) => [kind, make(kind)])) as { [K in InterfaceKind]: T };
}

/** One value per interface field of a node. */
export function perField<T>(make: (kind: InterfaceKind) => T): { [F in InterfaceField]: T } {
  return Object.fromEntries(interfaceKinds.map((kind) => [fieldOf(kind), make(kind)])) as { [F in InterfaceField]: T };
}

export function rowOf(kind: InterfaceKind): KindRow {
  return interfaceKindTable[kind];
}

/** Kinds of Ironic for which Ingot has no choice: every node has the interface of that name. */
export const fixedInterfaceTable: Readonly<Record<string, { readonly name: string; readonly since: KindRow['since'] }>> = {
  network: { name: 'noop', since: { node: 20, driver: 30 } },
  storage: { name: 'noop', since: { node: 33, driver: 33 } },
  rescue: { name: 'no-rescue', since: { node: 38, driver: 38 } },
};
