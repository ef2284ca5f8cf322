/** The machine itself: ComputerSystem with power, boot override and indicator. DSP0268, ComputerSystem v1. */
import type { BootOverrideRequest } from '../boot-override.ts';
import type { Chassis } from '../chassis.ts';
import { RedfishRefusal, type Resource } from './messages.ts';
import type { Route, WriteCall, Writer } from './route.ts';
import {
  type Answer,
  type Call,
  collection,
  expectBoolean,
  expectChoice,
  expectObject,
  expectText,
  head,
  healthy,
  link,
} from './route.ts';
import { serviceRoot } from './service-paths.ts';
import type { ServiceState } from './service-state.ts';
import { taskAnswer } from './task-routes.ts';

export const targetDevices: Readonly<Record<string, BootOverrideRequest['device']>> = {
  None: 'none',
  Pxe: 'pxe',
  UefiHttp: 'pxe',
  Hdd: 'disk',
  Cd: 'cdrom',
  Floppy: 'floppy',
  Usb: 'floppy',
  BiosSetup: 'bios',
  Diags: 'safe',
  UefiShell: 'bios',
  // Vendors' terms, and their meaning on this machine.
  UsbCd: 'cdrom',
  UefiTarget: 'disk',
  SDCard: 'disk',
  RemoteDrive: 'disk',
  Utilities: 'safe',
};

/** The action of each ResetType; DSP0268, Resource `ResetType`. `needsPower`: 409 while the machine is off. */
const resetTable: Readonly<Record<string, { readonly needsPower?: boolean; act(chassis: Chassis): void | Promise<void> }>> = {
  On: { act: (chassis) => chassis.powerOn() },
  ForceOn: { act: (chassis) => chassis.powerOn() },
  ForceOff: { act: (chassis) => chassis.powerOff() },
  GracefulShutdown: { needsPower: true, act: (chassis) => chassis.softOff() },
  GracefulRestart: { needsPower: true, act: restartGracefully },
  ForceRestart: { needsPower: true, act: (chassis) => chassis.reset() },
  PowerCycle: { needsPower: true, act: (chassis) => chassis.powerCycle() },
  Nmi: { needsPower: true, act: (chassis) => chassis.injectNmi?.() },
  PushPowerButton: { act: (chassis) => (chassis.power() === 'on' ? chassis.softOff() : chassis.powerOn()) },
};

/** Maximum time after a shutdown request until the system is powered on again (milliseconds). */
const gracefulMaxWait = 300_000;

async function restartGracefully(chassis: Chassis): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const forget = chassis.onPower?.(resolve);
  const limit = setTimeout(resolve, gracefulMaxWait).unref();
  await chassis.softOff();
  if (chassis.power() === 'on') await promise;
  clearTimeout(limit);
  forget?.();
  if (chassis.power() === 'off') await chassis.powerOn();
}

export function systemRoutes({ paths, shape }: ServiceState): Route[] {
  const boot = shape.bootAt === 'system';
  const writers: Record<string, Writer> = {
    ...(boot && { Boot: writeBoot }),
    IndicatorLED: writeIndicatorLed,
    LocationIndicatorActive: writeLocationIndicator,
    AssetTag: (value, { state }) => {
      const tag = expectText('AssetTag', value);
      return () => {
        state.assetTag = tag;
      };
    },
  };
  const systems = `${serviceRoot}/Systems`;
  const rows: Route[] = [
    { kind: 'systems', path: systems, get: () => collection(systems, 'ComputerSystem', [paths.system]) },
    { kind: 'system', path: paths.system, get: ({ state }) => describeSystem(state), patch: writers },
    { kind: 'system', path: `${paths.system}/Actions/ComputerSystem.Reset`, post: reset },
    {
      kind: 'resetActionInfo',
      path: `${paths.system}/ResetActionInfo`,
      get: ({ state }) => ({
        ...head(`${paths.system}/ResetActionInfo`, 'ActionInfo.v1_1_2.ActionInfo', 'Reset Action Info'),
        Parameters: [{ Name: 'ResetType', Required: true, DataType: 'String', AllowableValues: [...state.shape.resetTypes] }],
      }),
    },
    ...secureBootRoutes(paths.secureBoot),
  ];
  if (boot) return rows;
  const settings = `${paths.system}/SD`;
  return [
    ...rows,
    {
      kind: 'systemSettings',
      path: settings,
      get: ({ state }) => ({
        ...head(settings, 'ComputerSystem.v1_13_0.ComputerSystem', 'System Settings'),
        Boot: describeBoot(state),
      }),
      patch: { Boot: writeBoot },
    },
  ];
}

function describeSystem(state: ServiceState): Resource {
  const { bmcModel, paths, shape, assetTag, firmware } = state;
  const { identity, chassis, indicator } = bmcModel;
  return {
    ...head(paths.system, 'ComputerSystem.v1_13_0.ComputerSystem', 'System'),
    SystemType: 'Physical',
    Manufacturer: identity.manufacturer,
    Model: identity.product,
    SerialNumber: identity.serial,
    PartNumber: identity.partNumber,
    SKU: identity.partNumber,
    AssetTag: assetTag,
    UUID: identity.uuid,
    HostName: '',
    PowerState: chassis.power() === 'on' ? 'On' : 'Off',
    Status: healthy,
    IndicatorLED: ledNames[indicator],
    LocationIndicatorActive: indicator !== 'off',
    BiosVersion: firmware.get('BIOS') ?? null,
    ProcessorSummary: { Count: 1, Model: 'Virtual', Status: healthy },
    MemorySummary: { TotalSystemMemoryGiB: 1, Status: healthy },
    Boot: describeBoot(state),
    Bios: link(paths.bios),
    SecureBoot: link(paths.secureBoot),
    ...(shape.volumes !== 'none' && { Storage: link(paths.storage) }),
    ...(shape.mediaOwner === 'system' && { VirtualMedia: link(paths.media) }),
    ...(shape.bootAt === 'settings' && { '@Redfish.Settings': settingsOf(`${paths.system}/SD`) }),
    Links: { Chassis: [link(paths.chassis)], ManagedBy: [link(paths.manager)] },
    Actions: {
      '#ComputerSystem.Reset': {
        target: `${paths.system}/Actions/ComputerSystem.Reset`,
        'ResetType@Redfish.AllowableValues': [...shape.resetTypes],
        '@Redfish.ActionInfo': `${paths.system}/ResetActionInfo`,
      },
    },
  };
}

function settingsOf(path: string): Resource {
  return { '@odata.type': '#Settings.v1_3_0.Settings', SettingsObject: link(path) };
}

/** The requested override, until the firmware consumes it. */
function describeBoot({ bmcModel, boot, shape, profile }: ServiceState): Resource {
  const held = bmcModel.chassis.bootOverride.get();
  const target = profile.forgetsBootOverride ? 'None' : nameTarget(held, boot.target);
  const enabled = !held || target === 'None' ? 'Disabled' : held.persistent ? 'Continuous' : 'Once';
  const mode = held?.uefi === undefined ? boot.mode : held.uefi ? 'UEFI' : 'Legacy';
  return {
    BootSourceOverrideEnabled: enabled,
    'BootSourceOverrideEnabled@Redfish.AllowableValues': ['Disabled', 'Once', 'Continuous'],
    BootSourceOverrideTarget: enabled === 'Disabled' ? 'None' : target,
    'BootSourceOverrideTarget@Redfish.AllowableValues': [...shape.bootTargets],
    BootSourceOverrideMode: mode,
    'BootSourceOverrideMode@Redfish.AllowableValues': ['Legacy', 'UEFI'],
    HttpBootUri: boot.httpUri,
    UefiTargetBootSourceOverride: null,
    BootOrder: ['Boot0001', 'Boot0002'],
  };
}

/** Several targets map to one device; the target requested here is returned if it matches. */
function nameTarget(held: BootOverrideRequest | undefined, asked: string): string {
  if (!held) return 'None';
  if (held.httpUri !== undefined) return 'UefiHttp';
  if (targetDevices[asked] === held.device) return asked;
  return Object.keys(targetDevices).find((name) => targetDevices[name] === held.device) ?? 'None';
}

const bootFields = [
  'BootSourceOverrideEnabled',
  'BootSourceOverrideTarget',
  'BootSourceOverrideMode',
  'HttpBootUri',
  'UefiTargetBootSourceOverride',
  'BootOrder',
];

function writeBoot(value: Parameters<Writer>[0], { state }: WriteCall): () => void {
  const requested = expectObject('Boot', value);
  const unknown = Object.keys(requested).find((name) => !bootFields.includes(name));
  if (unknown) throw new RedfishRefusal('PropertyUnknown', [`Boot/${unknown}`]);
  checkVendorRules(state, requested);
  const { BootSourceOverrideEnabled, BootSourceOverrideTarget, BootSourceOverrideMode, HttpBootUri } = requested;
  const next = { ...state.boot };
  const choose = expectChoice;
  if (BootSourceOverrideEnabled !== undefined)
    next.enabled = choose('BootSourceOverrideEnabled', BootSourceOverrideEnabled, ['Disabled', 'Once', 'Continuous']) as never;
  if (BootSourceOverrideTarget !== undefined)
    next.target = choose('BootSourceOverrideTarget', BootSourceOverrideTarget, state.shape.bootTargets);
  if (BootSourceOverrideMode !== undefined)
    next.mode = choose('BootSourceOverrideMode', BootSourceOverrideMode, ['Legacy', 'UEFI']) as never;
  if (HttpBootUri !== undefined) next.httpUri = HttpBootUri === null ? null : expectText('HttpBootUri', HttpBootUri);
  return () => {
    Object.assign(state.boot, next);
    if (!state.profile.forgetsBootOverride) applyBoot(state);
  };
}

function checkVendorRules({ shape }: ServiceState, requested: Resource): void {
  if (shape.bootMode === 'read-only' && 'BootSourceOverrideMode' in requested)
    throw new RedfishRefusal('PropertyNotWritable', ['BootSourceOverrideMode']);
  const needed = bootFields.slice(0, shape.bootMode === 'writable' ? 3 : 2);
  const lacking = shape.wholeBootOnly ? needed.find((name) => !(name in requested)) : undefined;
  if (lacking) throw new RedfishRefusal('PropertyMissing', [lacking]);
}

function applyBoot({ bmcModel, boot }: ServiceState): void {
  const { bootOverride } = bmcModel.chassis;
  const device = targetDevices[boot.target] ?? 'none';
  const isNone = boot.enabled === 'Disabled' || device === 'none';
  const http = boot.target === 'UefiHttp' ? { httpUri: boot.httpUri ?? '' } : {};
  const request = { device, persistent: boot.enabled === 'Continuous', uefi: boot.mode === 'UEFI', ...http };
  if (isNone) bootOverride.clear();
  // Unlike IPMI's, it stays valid until it is consumed.
  else bootOverride.set(request, { expires: false });
}

async function reset({ state, body }: WriteCall): Promise<Answer> {
  const name = body['ResetType'];
  if (name === undefined) throw new RedfishRefusal('ActionParameterMissing', ['ComputerSystem.Reset', 'ResetType']);
  const row = typeof name === 'string' && state.shape.resetTypes.includes(name) ? resetTable[name] : undefined;
  if (!row) throw new RedfishRefusal('ActionParameterNotSupported', [String(name), 'ResetType']);
  const { chassis } = state.bmcModel;
  if (row.needsPower && chassis.power() === 'off' && !state.profile.acceptsWithoutEffect)
    throw new RedfishRefusal('ResourceInStandby');
  if (name === 'On' && performance.now() < state.settledAt) throw new RedfishRefusal('ResourceInUse');
  chassis.bootOverride.restartCountdown();
  if (state.shape.resetAnswers === '202') {
    return taskAnswer(
      state,
      state.tasks.begin(`Reset ${name}`, state.shape.taskMs, () => state.begin(() => row.act(chassis))),
    );
  }
  state.begin(() => row.act(chassis));
  return state.shape.resetAnswers === '204' ? { status: 204 } : { status: 200, body: {} };
}

const ledNames = { on: 'Lit', off: 'Off', blinking: 'Blinking' } as const;

export function writeIndicatorLed(value: Parameters<Writer>[0], { state }: WriteCall): () => void {
  const name = expectChoice('IndicatorLED', value, Object.values(ledNames));
  const indicator = name === 'Lit' ? 'on' : name === 'Off' ? 'off' : 'blinking';
  return () => {
    state.bmcModel.indicator = indicator;
  };
}

export function writeLocationIndicator(value: Parameters<Writer>[0], { state }: WriteCall): () => void {
  const isOn = expectBoolean('LocationIndicatorActive', value);
  return () => {
    state.bmcModel.indicator = isOn ? 'blinking' : 'off';
  };
}

function secureBootRoutes(path: string): Route[] {
  const modeOf = ({ state }: Call) => (state.secureBoot.keys ? 'UserMode' : 'SetupMode');
  return [
    {
      kind: 'secureBoot',
      path,
      get: (call) => ({
        ...head(path, 'SecureBoot.v1_1_0.SecureBoot', 'UEFI Secure Boot'),
        SecureBootEnable: call.state.secureBoot.enabled,
        SecureBootCurrentBoot: call.state.secureBoot.enabled && call.state.secureBoot.keys ? 'Enabled' : 'Disabled',
        SecureBootMode: modeOf(call),
        Actions: {
          '#SecureBoot.ResetKeys': {
            target: `${path}/Actions/SecureBoot.ResetKeys`,
            'ResetKeysType@Redfish.AllowableValues': resetKeysTypes,
          },
        },
      }),
      patch: {
        SecureBootEnable: (value, { state }) => {
          const enabled = expectBoolean('SecureBootEnable', value);
          return () => {
            state.secureBoot.enabled = enabled;
          };
        },
      },
    },
    {
      kind: 'secureBoot',
      path: `${path}/Actions/SecureBoot.ResetKeys`,
      post: ({ state, body }) => {
        const type = expectChoice('ResetKeysType', body['ResetKeysType'], resetKeysTypes);
        state.secureBoot.keys = type === 'ResetAllKeysToDefault';
        return { status: 204 };
      },
    },
  ];
}

const resetKeysTypes = ['ResetAllKeysToDefault', 'DeleteAllKeys', 'DeletePK'];
