/** BIOS settings, which take effect at the next start, and their registry. DSP0268: Bios v1, AttributeRegistry v1. */
import { type Json, RedfishRefusal, type Resource } from './messages.ts';
import { type Call, expectObject, head, link, type Route, type WriteCall } from './route.ts';
import type { ServiceState } from './service-state.ts';

type Value = string | number | boolean;
type Attribute = {
  readonly help: string;
  readonly menu: string;
  /** Allowed values: an enumeration, a numeric range, or any text. */
  readonly choices?: readonly string[];
  readonly range?: readonly [number, number];
  readonly readOnly?: boolean;
};

const attributeTable: Readonly<Record<string, Attribute>> = {
  BootMode: { help: 'How the firmware boots.', menu: './Boot', choices: ['Uefi', 'LegacyBios'] },
  ProcTurboMode: {
    help: 'Higher clock rates when there is room for them.',
    menu: './Processor',
    choices: ['Enabled', 'Disabled'],
  },
  NumaNodesPerSocket: { help: 'NUMA nodes per socket.', menu: './Memory', range: [0, 4] },
};
const anyText: Attribute = { help: 'A setting.', menu: './' };
export const biosRegistryName = 'BiosAttributeRegistryIngot.v1_0_0';

export function biosRoutes({ paths }: ServiceState): Route[] {
  const reset = `${paths.bios}/Actions/Bios.ResetBios`;
  const change = `${paths.bios}/Actions/Bios.ChangePassword`;
  return [
    {
      kind: 'bios',
      path: paths.bios,
      get: ({ state }) => ({
        ...head(paths.bios, 'Bios.v1_1_0.Bios', 'BIOS'),
        AttributeRegistry: biosRegistryName,
        Attributes: Object.fromEntries(state.bmcModel.bios),
        '@Redfish.Settings': {
          '@odata.type': '#Settings.v1_3_0.Settings',
          SettingsObject: link(paths.biosSettings),
          Messages: [],
        },
        Actions: { '#Bios.ResetBios': { target: reset }, '#Bios.ChangePassword': { target: change } },
      }),
    },
    {
      kind: 'biosSettings',
      path: paths.biosSettings,
      get: ({ state }) => ({
        ...head(paths.biosSettings, 'Bios.v1_1_0.Bios', 'BIOS, from the next start on'),
        AttributeRegistry: biosRegistryName,
        Attributes: { ...Object.fromEntries(state.bmcModel.bios), ...Object.fromEntries(state.pendingBios) },
      }),
      patch: { Attributes: writeAttributes },
    },
    {
      kind: 'bios',
      path: reset,
      post: ({ state }) => {
        for (const [name, value] of state.firstBios) state.pendingBios.set(name, value);
        return { status: 204 };
      },
    },
    { kind: 'bios', path: change, post: () => ({ status: 204 }) },
  ];
}

function writeAttributes(value: Json, { state }: WriteCall): () => void {
  const requested = Object.entries(expectObject('Attributes', value)).map(([name, wanted]) => {
    const former = state.bmcModel.bios.get(name);
    if (former === undefined) throw new RedfishRefusal('PropertyUnknown', [name]);
    return [name, checkAttribute(name, wanted, former)] as const;
  });
  return () => {
    for (const [name, wanted] of requested) state.pendingBios.set(name, wanted);
  };
}

function checkAttribute(name: string, value: Json, former: Value): Value {
  const { choices, range, readOnly } = attributeTable[name] ?? anyText;
  if (readOnly) throw new RedfishRefusal('PropertyNotWritable', [name]);
  if (typeof value !== typeof former || typeof value === 'object')
    throw new RedfishRefusal('PropertyValueTypeError', [JSON.stringify(value), name]);
  if (choices && !choices.includes(String(value))) throw new RedfishRefusal('PropertyValueNotInList', [String(value), name]);
  const isOutside = range && (!Number.isInteger(value) || Number(value) < range[0] || Number(value) > range[1]);
  if (isOutside) throw new RedfishRefusal('PropertyValueNotInList', [String(value), name]);
  return value;
}

/** The registry named by `AttributeRegistry`. */
export function describeBiosRegistry({ state }: Call): Resource {
  const { bios, identity } = state.bmcModel;
  return {
    '@odata.type': '#AttributeRegistry.v1_3_2.AttributeRegistry',
    Id: biosRegistryName,
    Name: 'BIOS Attribute Registry',
    Language: 'en',
    OwningEntity: identity.manufacturer,
    RegistryVersion: '1.0.0',
    SupportedSystems: [
      { ProductName: identity.product, SystemId: identity.serial, FirmwareVersion: state.firmware.get('BIOS') ?? '' },
    ],
    RegistryEntries: {
      Attributes: [...bios].map(([name, value]) => describeAttribute(name, value)),
      Menus: [{ MenuName: 'BIOS', DisplayName: 'BIOS', MenuPath: './', ReadOnly: false, DisplayOrder: 1 }],
      Dependencies: [],
    },
  };
}

function describeAttribute(name: string, value: Value): Resource {
  const { help, menu, choices, range, readOnly = false } = attributeTable[name] ?? anyText;
  const numbers: Resource = range ? { LowerBound: range[0], UpperBound: range[1], ScalarIncrement: 1 } : {};
  const texts: Resource = typeof value === 'string' && !choices ? { MinLength: 0, MaxLength: 256 } : {};
  return {
    AttributeName: name,
    Type: choices
      ? 'Enumeration'
      : ({ number: 'Integer', boolean: 'Boolean', string: 'String' } as Record<string, string>)[typeof value]!,
    DisplayName: name,
    HelpText: help,
    MenuPath: menu,
    CurrentValue: value,
    DefaultValue: value,
    ReadOnly: readOnly,
    ResetRequired: true,
    ...(choices && { Value: choices.map((choice) => ({ ValueName: choice, ValueDisplayName: choice })) }),
    ...numbers,
    ...texts,
  };
}
