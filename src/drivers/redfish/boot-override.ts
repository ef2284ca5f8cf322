/** ComputerSystem.Boot: the boot override, for the next boot or persistent. */
import { pause } from '#async/timers.ts';
import type { Fault } from '#domain/faults.ts';
import { RedfishError, type RedfishReply, type Resource } from '#wire/redfish/redfish-client.ts';
import type { BootDevice, BootDeviceOptions, BootMode, ManagementInterface, NodeFacts } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { bmcFault, type PollTiming, unsupportedByBmc } from './power.ts';
import { choicesAt, linkAt, objectAt, textAt } from './resource-fields.ts';

/** BootSource of the schemas, in order of preference. */
const deviceTable: Readonly<Partial<Record<BootDevice, readonly string[]>>> = {
  pxe: ['Pxe'],
  disk: ['Hdd'],
  cdrom: ['Cd', 'UsbCd'],
  bios: ['BiosSetup'],
  floppy: ['Floppy', 'Usb'],
  uefihttp: ['UefiHttp'],
};
export const redfishBootDevices = Object.keys(deviceTable) as BootDevice[];

const modeTable: Readonly<Record<BootMode, string>> = { bios: 'Legacy', uefi: 'UEFI' };

/** The resource to write the override to, and the current Boot object of the machine. */
type Boot = { readonly path: string; readonly now: Resource; readonly system: Resource };

type BootInterface = Required<Pick<ManagementInterface, 'setBootDevice' | 'getBootDevice' | 'getBootMode' | 'setBootMode'>>;

export function createBootOverride(withSystem: WithSystem, pollTiming: PollTiming): BootInterface {
  return {
    setBootDevice: (node, device, options, callOptions) =>
      withSystem({ node, command: `boot device ${device}`, callOptions }, (at) => setDevice({ at, device, options, pollTiming })),
    getBootDevice: (node, callOptions) =>
      withSystem({ node, command: 'read Boot', callOptions }, async (at) => chosenDevice(await findBoot(at))),
    getBootMode: (node, callOptions) =>
      withSystem({ node, command: 'read Boot', callOptions }, async (at) => modeOf(objectAt((await at.system()).body, 'Boot'))),
    setBootMode: (node, mode, callOptions) =>
      withSystem({ node, command: `boot mode ${mode}`, callOptions }, (at) => setMode(at, mode)),
  };
}

type Setting = { at: SystemContext; device: BootDevice; options: BootDeviceOptions; pollTiming: PollTiming };

async function setDevice(setting: Setting): Promise<void> {
  await whereItBelongs(setting.at, (boot) => setDeviceIn(boot, setting));
}

/** Retries the write on another resource if the refusal points to it. */
async function whereItBelongs(at: SystemContext, write: (boot: Boot) => Promise<void>): Promise<void> {
  const boot = await findBoot(at);
  try {
    await write(boot);
  } catch (error) {
    const other = await elsewhere(at, boot, error);
    if (other === undefined) throw error;
    await write(other);
  }
}

/**
 * AMI: "Support of this Operation for Boot Properties is moved to FutureState URI";
 * iDRAC 10: "Boot is a read-only property".
 */
const [movedSign, readOnlySign] = [/OperationSupportedInFutureStateURI/, /PropertyNotWritable/];

async function elsewhere(at: SystemContext, boot: Boot, error: unknown): Promise<Boot | undefined> {
  const words = error instanceof RedfishError ? error.messageIds.join(' ') : '';
  if (movedSign.test(words)) {
    const path = futurePath(at);
    const now = path === boot.path ? undefined : await readPending(at, path);
    return now && { ...boot, path, now };
  }
  const linked = readOnlySign.test(words) ? linkAt((await at.system()).body, ...settingsLink) : undefined;
  return linked === undefined || linked === boot.path ? undefined : { ...boot, path: linked };
}

const settingsLink = ['@Redfish.Settings', 'SettingsObject'] as const;

/** AMI's settings resource of a system; the system does not always link it. */
function futurePath({ paths }: SystemContext): string {
  return `${paths.system.replace(/\/+$/, '')}/SD`;
}

async function setDeviceIn(boot: Boot, { at, device, options, pollTiming }: Setting): Promise<void> {
  const target =
    (shownIn(boot, 'BootSourceOverride') ? chooseTarget(at, device, boot) : undefined) ??
    (await unsupported(at.node, `boot device ${device}`));
  let refusal: unknown;
  for (const change of changesFor({ at, boot, target, options })) {
    try {
      await patchBoot(at, boot, change, pollTiming);
      return await untilShown({ at, boot, target, pollTiming });
    } catch (error) {
      if (!(error instanceof RedfishError && error.failure === 'answered')) throw error;
      if (at.paths.tolerances.has('boot override despite refusal') && (await shows(at, target))) return;
      refusal ??= error;
    }
  }
  throw refusal;
}

type Composing = { at: SystemContext; boot: Boot; target: string; options: BootDeviceOptions };

/** The change to write, and the fallbacks if the service rejects it: see `interoperabilityWorkarounds` in quirks.ts. */
function changesFor({ at, boot, target, options }: Composing): Resource[] {
  const rest = {
    BootSourceOverrideTarget: target,
    ...modeChange({ at, boot, target, options }),
    ...(target === 'UefiHttp' && options.uri !== undefined && { HttpBootUri: options.uri }),
  };
  const enabled = options.persistent ? 'Continuous' : 'Once';
  const isSame = textAt(boot.now, 'BootSourceOverrideEnabled') === enabled;
  return [
    { ...rest, BootSourceOverrideEnabled: enabled },
    ...(isSame ? [rest] : []),
    // Firmware without Continuous: the next boot only is better than no override.
    ...(options.persistent ? [{ ...rest, BootSourceOverrideEnabled: 'Once' }] : []),
  ];
}

function modeChange({ at, boot, target, options }: Composing): Resource {
  const { tolerances } = at.paths;
  const now = textAt(boot.now, 'BootSourceOverrideMode');
  const asked = target === 'UefiHttp' ? 'uefi' : (options.mode ?? capableMode(at.node));
  const mode = asked ? modeTable[asked] : (now ?? modeTable.uefi);
  if (tolerances.has('whole boot request')) return { BootSourceOverrideMode: mode };
  if (now !== undefined && tolerances.has('mode goes along')) return { BootSourceOverrideMode: mode };
  if (now === undefined || now === mode) return {};
  if (tolerances.has('mode is read-only')) throw modeIsReadOnly(at, mode);
  checkMode(at, boot, mode);
  return { BootSourceOverrideMode: mode };
}

function checkMode({ node }: SystemContext, { now, system }: Boot, mode: string): void {
  const name = 'BootSourceOverrideMode@Redfish.AllowableValues';
  const allowed = choicesAt(now, name) ?? choicesAt(system, name);
  if (allowed?.includes(mode) ?? true) return;
  throw unsupportedByBmc(node, `boot mode ${mode}`, `it supports only boot mode ${allowed?.join(', ') || '(none)'}`);
}

function modeIsReadOnly({ node }: SystemContext, mode: string): Fault {
  return unsupportedByBmc(node, `boot mode ${mode}`, 'only its BIOS settings (BootMode) can change the boot mode');
}

/** DSP0266 "Settings resource": if it holds the override, it is the one to write. */
async function findBoot(at: SystemContext): Promise<Boot> {
  const { body } = await at.system();
  const system = objectAt(body, 'Boot');
  const unlinked = at.paths.tolerances.has('boot settings not linked') ? futurePath(at) : undefined;
  const settings = linkAt(body, ...settingsLink) ?? unlinked;
  const now = settings && (await readPending(at, settings));
  return settings && now ? { path: settings, now, system } : { path: at.paths.system, now: system, system };
}

/** @returns undefined if that resource has no override */
async function readPending({ client, callOptions }: SystemContext, path: string): Promise<Resource | undefined> {
  const { body } = await client.get(path, callOptions).catch(missing);
  const boot = objectAt(body, 'Boot');
  return Object.keys(boot).some((key) => key.startsWith('BootSourceOverrideTarget')) ? boot : undefined;
}

function missing(error: unknown): Pick<RedfishReply, 'body'> {
  if (error instanceof RedfishError && error.failure === 'answered') return { body: {} };
  throw error;
}

/** Node cards of HPE Cray EX have a boot order but no override; Supermicro X10 has no mode. */
function shownIn({ now, system }: Boot, name: string): boolean {
  return [now, system].some((boot) => Object.keys(boot).some((key) => key.startsWith(name)));
}

/** @returns undefined if the machine supports only other targets */
function chooseTarget({ paths }: SystemContext, device: BootDevice, { now, system }: Boot): string | undefined {
  const targets = deviceTable[device] ?? [];
  const name = 'BootSourceOverrideTarget@Redfish.AllowableValues';
  const allowed = choicesAt(now, name) ?? choicesAt(system, name);
  const ordered = paths.tolerances.has('virtual cd is usb') ? targets.toReversed() : targets;
  return allowed === undefined ? targets[0] : ordered.find((target) => allowed.includes(target));
}

/** `boot_mode:uefi` in the capabilities. */
function capableMode({ properties }: NodeFacts): BootMode | undefined {
  const words = (textAt(properties, 'capabilities') ?? '').split(',');
  return (['uefi', 'bios'] as const).find((mode) => words.includes(`boot_mode:${mode}`));
}

async function patchBoot(at: SystemContext, boot: Boot, change: Resource, { retryMs, effectMs }: PollTiming): Promise<void> {
  const until = Date.now() + effectMs;
  for (;;) {
    try {
      await at.client.patch(boot.path, { Boot: change }, { ...at.callOptions, task: 'accept' });
      return;
    } catch (error) {
      const isPost =
        error instanceof RedfishError && error.messageIds.some((id) => id.includes('UnableToModifyDuringSystemPOST'));
      if (!isPost || !at.paths.tolerances.has('no changes during post') || Date.now() + retryMs > until) throw error;
      await pause(retryMs, at.callOptions.signal);
    }
  }
}

async function shows(at: SystemContext, target: string): Promise<boolean> {
  return textAt((await at.system()).body, 'Boot', 'BootSourceOverrideTarget') === target;
}

/**
 * Reads the override back, since success is not always effect. A different target is accepted (services have names of
 * their own), none is an error. Pending values in a settings resource are not visible before the next boot.
 */
async function untilShown({
  at,
  boot,
  target,
  pollTiming,
}: {
  at: SystemContext;
  boot: Boot;
  target: string;
  pollTiming: PollTiming;
}) {
  if (boot.path !== at.paths.system) return;
  const until = Date.now() + Math.min(pollTiming.effectMs, 10 * pollTiming.pollMs);
  for (;;) {
    const now = objectAt((await at.system()).body, 'Boot');
    const isOff = (textAt(now, 'BootSourceOverrideEnabled') ?? 'Once') === 'Disabled';
    const shown = textAt(now, 'BootSourceOverrideTarget');
    if (!isOff && shown !== 'None') return;
    if (Date.now() + pollTiming.pollMs > until)
      throw bmcFault('bmcError', at.node, {
        command: `boot device ${target}`,
        detail: 'it reported success, but without effect',
      });
    await pause(pollTiming.pollMs, at.callOptions.signal);
  }
}

/** Pending values take precedence over the current ones: iDRAC 10, AMI and OpenBMC keep the two apart. */
function chosenDevice({ now, system }: Boot): ChosenDevice {
  const waiting = deviceOf(now);
  return waiting.device === null ? deviceOf(system) : waiting;
}

type ChosenDevice = { device: BootDevice | null; persistent: boolean | null };

function deviceOf(boot: Resource): ChosenDevice {
  const enabled = textAt(boot, 'BootSourceOverrideEnabled');
  const target = textAt(boot, 'BootSourceOverrideTarget');
  const device = redfishBootDevices.find((name) => target !== undefined && deviceTable[name]?.includes(target));
  if (enabled === 'Disabled' || device === undefined) return { device: null, persistent: null };
  return { device, persistent: enabled === undefined ? null : enabled === 'Continuous' };
}

export function modeOf(boot: Resource): BootMode | null {
  const mode = textAt(boot, 'BootSourceOverrideMode');
  return mode === 'UEFI' ? 'uefi' : mode === 'Legacy' ? 'bios' : null;
}

async function setMode(at: SystemContext, mode: BootMode): Promise<void> {
  await whereItBelongs(at, (boot) => setModeIn(boot, at, mode));
}

async function setModeIn(boot: Boot, at: SystemContext, mode: BootMode): Promise<void> {
  const value = modeTable[mode];
  if (!shownIn(boot, 'BootSourceOverrideMode')) return unsupported(at.node, 'setting the boot mode');
  if (textAt(boot.now, 'BootSourceOverrideMode') === value) return;
  if (at.paths.tolerances.has('mode is read-only')) throw modeIsReadOnly(at, value);
  checkMode(at, boot, value);
  const rest = at.paths.tolerances.has('whole boot request') && {
    BootSourceOverrideTarget: textAt(boot.now, 'BootSourceOverrideTarget') ?? 'None',
    BootSourceOverrideEnabled: textAt(boot.now, 'BootSourceOverrideEnabled') ?? 'Disabled',
  };
  await at.client.patch(boot.path, { Boot: { ...rest, BootSourceOverrideMode: value } }, { ...at.callOptions, task: 'accept' });
}
