import type { JsonObject } from '#domain/json.ts';
import { RedfishError, type Resource, unusableReplies } from '#wire/redfish/redfish-client.ts';
import type { HardwareIdentity, IndicatorState, ManagementInterface } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import { createBootOverride, redfishBootDevices } from './boot-override.ts';
import { rootPath, type SystemContext, type WithSystem } from './find-system.ts';
import { createRedfishMedia } from './media.ts';
import { defaultPollTiming, type PollTiming, resetAction } from './power.ts';
import { readRedfishSettings, redfishEndpoints, redfishProperties } from './properties.ts';
import { readAll, readIfAny } from './reading.ts';
import { findAction, type ResetType, targetTable } from './reset.ts';
import { booleanAt, linkAt, numberAt, objectsAt, textAt, wordAt } from './resource-fields.ts';

/** The part of the management interface in this file; index.ts adds sensors, log and the others. */
type CoreManagement = Pick<
  ManagementInterface,
  | keyof ReturnType<typeof createBootOverride>
  | 'properties'
  | 'validate'
  | 'bootDevices'
  | 'injectNmi'
  | 'getIndicator'
  | 'setIndicator'
  | 'identify'
  | 'bmcInfo'
  | 'systemUuid'
  | 'isSystemUuidOfSmbios'
  | 'endpoints'
  | 'resetBmc'
  | 'media'
>;

export function createRedfishManagement(withSystem: WithSystem, pollTiming: PollTiming = defaultPollTiming): CoreManagement {
  return {
    properties: redfishProperties,
    validate: (node) => void readRedfishSettings(node),
    endpoints: redfishEndpoints,
    bootDevices: redfishBootDevices,
    ...createBootOverride(withSystem, pollTiming),
    media: createRedfishMedia(withSystem, pollTiming),
    injectNmi: (node, callOptions) => withSystem({ node, command: 'ComputerSystem.Reset Nmi', callOptions }, injectNmi),
    getIndicator: (node, callOptions) =>
      withSystem({ node, command: 'read indicator', callOptions }, async (at) => (await findIndicator(at)).state),
    setIndicator: (node, state, callOptions) =>
      withSystem({ node, command: `indicator ${state}`, callOptions }, (at) => setIndicator(at, state)),
    // DSP0268, ComputerSystem.UUID.
    isSystemUuidOfSmbios: true,
    systemUuid: (node, callOptions) =>
      withSystem({ node, command: 'read UUID', callOptions }, async (at) =>
        textAt((await at.system()).body, 'UUID')?.toLowerCase(),
      ),
    identify: (node, callOptions) => withSystem({ node, command: 'read identity', callOptions }, identify),
    bmcInfo: (node, callOptions) => withSystem({ node, command: 'read Manager', callOptions }, readBmc),
    resetBmc: (node, kind, callOptions) =>
      withSystem({ node, command: `Manager.Reset ${kind}`, callOptions }, (at) => resetBmc(at, kind)),
  };
}

async function injectNmi(at: SystemContext): Promise<void> {
  const action = await resetAction(at, (await at.system()).body);
  const [type = 'Nmi'] = targetTable.nmi;
  if (action.allowed && !action.allowed.includes(type)) return unsupported(at.node, 'NMI');
  await at.client.post(action.target, { ResetType: type }, at.callOptions);
}

type Indicator = {
  readonly path: string;
  readonly field: 'LocationIndicatorActive' | 'IndicatorLED';
  readonly state: IndicatorState;
};

/** IndicatorLED was replaced by LocationIndicatorActive (ComputerSystem 1.13), which cannot blink. */
const ledTable: Readonly<Record<IndicatorState, string>> = { on: 'Lit', off: 'Off', blinking: 'Blinking' };

async function findIndicator(at: SystemContext): Promise<Indicator> {
  for (const path of [at.paths.system, ...at.paths.chassis]) {
    const body = await readIfAny(at, path);
    const active = booleanAt(body, 'LocationIndicatorActive');
    if (active !== undefined) return { path, field: 'LocationIndicatorActive', state: active ? 'on' : 'off' };
    const led = textAt(body, 'IndicatorLED');
    const state = (Object.keys(ledTable) as IndicatorState[]).find((name) => ledTable[name] === led);
    if (state) return { path, field: 'IndicatorLED', state };
  }
  return unsupported(at.node, 'indicator');
}

async function setIndicator(at: SystemContext, state: IndicatorState): Promise<void> {
  const { path, field } = await findIndicator(at);
  const value = field === 'IndicatorLED' ? ledTable[state] : state !== 'off';
  await at.client.patch(path, { [field]: value }, at.callOptions);
}

async function identify(at: SystemContext): Promise<HardwareIdentity> {
  const { body: system } = await at.system();
  const chassis = await readAll(at, at.paths.chassis);
  const first = (field: string) => [system, ...chassis].map((resource) => wordAt(resource, field)).find(Boolean);
  return known({
    manufacturer: first('Manufacturer'),
    product: first('Model'),
    serial: first('SerialNumber'),
    part_number: first('PartNumber') ?? wordAt(system, 'SKU'),
    asset_tag: first('AssetTag'),
    details: known({
      uuid: textAt(system, 'UUID'),
      sku: wordAt(system, 'SKU'),
      host_name: textAt(system, 'HostName'),
      bios_version: textAt(system, 'BiosVersion'),
      processors: numberAt(system, 'ProcessorSummary', 'Count'),
      processor_model: wordAt(system, 'ProcessorSummary', 'Model'),
      memory_gib: numberAt(system, 'MemorySummary', 'TotalSystemMemoryGiB'),
      chassis: chassis.map(partOf),
    }) as JsonObject,
  }) as HardwareIdentity;
}

function partOf(chassis: Resource): JsonObject {
  const fields = ['Id', 'ChassisType', 'Manufacturer', 'Model', 'SerialNumber', 'PartNumber', 'AssetTag'];
  return known(Object.fromEntries(fields.map((field) => [field, wordAt(chassis, field)]))) as JsonObject;
}

async function readBmc(at: SystemContext): Promise<JsonObject> {
  const { body: root } = await at.client.get(rootPath, at.callOptions);
  const manager = await readManager(at);
  const nics = linkAt(manager, 'EthernetInterfaces');
  return known({
    redfish_version: textAt(root, 'RedfishVersion'),
    product: textAt(root, 'Product'),
    vendor: textAt(root, 'Vendor'),
    model: textAt(manager, 'Model'),
    firmware_version: textAt(manager, 'FirmwareVersion'),
    uuid: textAt(manager, 'UUID') ?? textAt(root, 'UUID'),
    date_time: textAt(manager, 'DateTime'),
    health: textAt(manager, 'Status', 'Health'),
    interfaces: nics === undefined ? [] : (await at.client.members(nics, at.callOptions)).map(interfaceOf),
  }) as JsonObject;
}

function interfaceOf(nic: Resource): JsonObject {
  const addresses = [...objectsAt(nic, 'IPv4Addresses'), ...objectsAt(nic, 'IPv6Addresses')];
  return known({
    name: textAt(nic, 'Id'),
    // Intel S2600 uses dashes.
    mac: (textAt(nic, 'MACAddress') ?? textAt(nic, 'PermanentMACAddress'))?.toLowerCase().replaceAll('-', ':'),
    host_name: textAt(nic, 'HostName'),
    addresses: [...new Set(addresses.flatMap((entry) => textAt(entry, 'Address') ?? []))].filter(isAddress),
  }) as JsonObject;
}

/** iDRAC lists unused address slots, too. */
function isAddress(address: string): boolean {
  return address !== '0.0.0.0' && address !== '::';
}

async function readManager(at: SystemContext): Promise<Resource> {
  const [path] = at.paths.managers;
  if (path === undefined) return unsupported(at.node, 'manager');
  return (await at.client.get(path, at.callOptions)).body;
}

const bmcResetTable: Readonly<Record<'warm' | 'cold', readonly ResetType[]>> = {
  warm: ['GracefulRestart', 'ForceRestart'],
  cold: ['ForceRestart', 'GracefulRestart'],
};

async function resetBmc(at: SystemContext, kind: 'warm' | 'cold'): Promise<void> {
  const action = await findAction(at, await readManager(at), { name: 'Manager.Reset', parameter: 'ResetType' });
  const type = bmcResetTable[kind].find((name) => action?.allowed?.includes(name) ?? true);
  if (action === undefined || type === undefined) return unsupported(at.node, 'restarting the BMC');
  const post = (body: Resource) => at.client.post(action.target, body, { ...at.callOptions, task: 'accept' });
  try {
    await post({ ResetType: type }).catch((error) => {
      // iLO 4 lists no types and accepts none. Schema Manager: without a type, the service uses its default.
      const isUnknown = error instanceof RedfishError && error.status === 400 && action.allowed === undefined;
      if (!isUnknown) throw error;
      return post({});
    });
  } catch (error) {
    // It responded just now: if it is unreachable now, it is restarting as requested.
    const isGone = error instanceof RedfishError && (error.failure === 'silent' || unusableReplies.includes(error.failure));
    if (!isGone) throw error;
  }
}

function known(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
