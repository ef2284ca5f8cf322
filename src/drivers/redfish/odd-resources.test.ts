import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import { collectionOf, startRedfishTree } from '#test/a-redfish-tree.ts';
import { createRedfishBios } from './bios.ts';
import { createRedfishFirmware } from './firmware.ts';
import { createRedfishLog } from './log.ts';
import { createRedfishSecureBoot } from './secure-boot.ts';
import { createRedfishSensors } from './sensors.ts';

const link = (path: string) => ({ '@odata.id': path });
const system = '/redfish/v1/Systems/1';
const chassis = '/redfish/v1/Chassis/1';

/** At least one valid resource of each kind that the driver reads. */
const sound: Record<string, JsonObject> = {
  [system]: {
    Bios: link(`${system}/Bios`),
    SecureBoot: link(`${system}/SecureBoot`),
    LogServices: link(`${system}/LogServices`),
    BiosVersion: '1',
    Links: { Chassis: [link(chassis)], ManagedBy: [link('/redfish/v1/Managers/1')] },
  },
  [`${system}/Bios`]: {
    AttributeRegistry: 'Bios.1.0.0',
    Attributes: { A: 'x', B: 1, C: true },
    '@Redfish.Settings': { SettingsObject: link(`${system}/Bios/Settings`), SupportedApplyTimes: ['OnReset'] },
  },
  [`${system}/Bios/Settings`]: { Attributes: { A: 'y' } },
  '/redfish/v1/Registries': collectionOf(['/redfish/v1/Registries/Bios.1.0.0']),
  '/redfish/v1/Registries/Bios.1.0.0': {
    Id: 'Bios.1.0.0',
    Location: [{ Language: 'en', Uri: '/redfish/v1/Registries/Bios.json' }],
  },
  '/redfish/v1/Registries/Bios.json': {
    RegistryEntries: {
      Attributes: [
        { AttributeName: 'A', Type: 'Enumeration', Value: [{ ValueName: 'x' }, { ValueName: 'y' }] },
        { AttributeName: 'B', Type: 'Integer', LowerBound: 0, UpperBound: 9 },
      ],
      Dependencies: [
        {
          Dependency: {
            MapFrom: [{ MapFromAttribute: 'A', MapFromProperty: 'CurrentValue', MapFromCondition: 'EQU', MapFromValue: 'x' }],
            MapToAttribute: 'B',
            MapToProperty: 'ReadOnly',
            MapToValue: true,
          },
        },
      ],
    },
  },
  [`${system}/SecureBoot`]: { SecureBootEnable: true },
  [`${system}/LogServices`]: collectionOf([`${system}/LogServices/SEL`]),
  [`${system}/LogServices/SEL`]: { Id: 'SEL', Entries: link(`${system}/LogServices/SEL/Entries`) },
  [`${system}/LogServices/SEL/Entries`]: {
    Members: [
      { Id: '1', Created: '2024-01-01T00:00:00Z', Severity: 'OK', Message: 'm', Links: { OriginOfCondition: link(chassis) } },
    ],
  },
  [chassis]: {
    Id: '1',
    Sensors: link(`${chassis}/Sensors`),
    Thermal: link(`${chassis}/Thermal`),
    NetworkAdapters: link(`${chassis}/NA`),
  },
  [`${chassis}/Sensors`]: collectionOf([`${chassis}/Sensors/a`]),
  [`${chassis}/Sensors/a`]: {
    Name: 'a',
    ReadingType: 'Power',
    Reading: 1,
    Thresholds: { UpperCritical: { Reading: 5 } },
    Status: { State: 'Enabled', Health: 'OK' },
  },
  [`${chassis}/Thermal`]: {
    Temperatures: [{ Name: 't', ReadingCelsius: 3 }],
    Fans: [{ Name: 'f', Reading: 3, ReadingUnits: 'RPM' }],
  },
  [`${chassis}/NA`]: collectionOf([`${chassis}/NA/1`]),
  [`${chassis}/NA/1`]: { Id: '1', Controllers: [{ FirmwarePackageVersion: '1' }] },
  '/redfish/v1/UpdateService': { FirmwareInventory: link('/redfish/v1/UpdateService/FirmwareInventory') },
  '/redfish/v1/UpdateService/FirmwareInventory': collectionOf(['/redfish/v1/UpdateService/FirmwareInventory/BIOS']),
  '/redfish/v1/UpdateService/FirmwareInventory/BIOS': { Id: 'BIOS', Version: '1', RelatedItem: [link(system)] },
};

const leniencies: readonly Json[] = [
  null,
  0,
  -1,
  1e308,
  '',
  'x',
  '/',
  '//',
  '../..',
  'constructor',
  '__proto__',
  true,
  [],
  {},
  [null],
  [[]],
  { a: null },
  [{}],
  '\u0000',
  '9'.repeat(400),
];

/** Deterministic random numbers: mulberry32. */
function createChance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Replaces the value, or one of its parts, at random. */
function spoil(value: Json, chance: (below: number) => number): Json {
  const odd = () => leniencies[chance(leniencies.length)] ?? null;
  if (typeof value !== 'object' || value === null || chance(6) === 0) return odd();
  const keys = Object.keys(value);
  if (keys.length === 0) return odd();
  const key = keys[chance(keys.length)] ?? '';
  const entries = Object.entries(value).map(([name, inner]) => [name, name === key ? spoil(inner, chance) : inner] as const);
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

test('any content of resources gives a reply or a BMC fault', async (t) => {
  const { node, withSystem, resources } = await startRedfishTree(t, sound);
  const chance = createChance(7);
  const paths = Object.keys(sound);
  const asks: Record<string, () => Promise<unknown>> = {
    sensors: () => createRedfishSensors(withSystem).readSensors(node),
    log: () => createRedfishLog(withSystem).readLog(node),
    firmware: () => createRedfishFirmware(withSystem).readComponents(node),
    secureBoot: () => createRedfishSecureBoot(withSystem).getSecureBoot(node),
    bios: () => createRedfishBios(withSystem).readSettings(node),
    biosChange: () => createRedfishBios(withSystem).applySettings(node, { A: 'y', B: 3, C: 'false' }),
  };
  let answers = 0;

  for (let round = 0; round < 300; round++) {
    const path = paths[chance(paths.length)] ?? '';
    const spoilt = spoil(sound[path] ?? {}, chance);
    resources.set(path, typeof spoilt === 'object' && spoilt !== null && !Array.isArray(spoilt) ? spoilt : {});
    for (const [name, ask] of Object.entries(asks)) {
      const outcome = await ask().catch((error: unknown) => error);
      const isFine = !(outcome instanceof Error) || (outcome instanceof Fault && outcome.code !== 'internal');
      assert.ok(isFine, `${name} with ${path} = ${JSON.stringify(spoilt)}: ${outcome instanceof Error ? outcome.stack : ''}`);
      if (!(outcome instanceof Error)) answers++;
    }
    for (const [name, resource] of Object.entries(sound)) resources.set(name, resource);
  }

  assert.ok(answers > 900, `${answers} answers`);
});
