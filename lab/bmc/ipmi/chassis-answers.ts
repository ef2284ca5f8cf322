/** Power, boot device and identification: IPMI 2.0 rev 1.1 section 28. */
import { decode, encode } from '#wire/bytes/fields.ts';
import * as chassisRows from '#wire/ipmi/chassis-commands.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { bmcAddress } from '#wire/ipmi/message.ts';
import type { Chassis } from '../chassis.ts';
import { answer, Refusal } from './answer.ts';

/** Table 28-3: off, temporary, indefinite. A blinking light is one with a timeout. */
const identifyStates = { off: 0, blinking: 1, on: 2 } as const;
const defaultIdentifySeconds = 15;

const chassisIdentify = answer(
  chassisRows.chassisIdentify,
  ({ seconds = defaultIdentifySeconds, force }, { bmcModel, memory }) => {
    clearTimeout(memory.identifyTimer);
    if (force?.on) bmcModel.indicator = 'on';
    else if (seconds === 0) bmcModel.indicator = 'off';
    else {
      bmcModel.indicator = 'blinking';
      memory.identifyTimer = setTimeout(() => {
        bmcModel.indicator = 'off';
      }, seconds * 1000).unref();
    }
    return {};
  },
);

const getChassisCapabilities = answer(chassisRows.getChassisCapabilities, (_, { bmcModel: { chassis } }) => ({
  flags: {
    intrusion: false,
    frontPanelLockout: false,
    diagnosticInterrupt: chassis.injectNmi !== undefined,
    powerInterlock: false,
  },
  fruAddress: bmcAddress,
  sdrAddress: bmcAddress,
  selAddress: bmcAddress,
  managementAddress: bmcAddress,
  bridgeAddress: undefined,
}));

const getChassisStatus = answer(chassisRows.getChassisStatus, (_, { bmcModel: { chassis, indicator } }) => ({
  power: { on: chassis.power() === 'on', overload: false, interlock: false, fault: false, controlFault: false, restorePolicy: 0 },
  lastPowerEvent: { acFailed: false, overload: false, interlock: false, fault: false, turnedOnByCommand: false },
  misc: {
    intrusion: false,
    frontPanelLockout: false,
    driveFault: false,
    coolingFault: false,
    identify: identifyStates[indicator],
    reportsIdentify: true,
  },
  frontPanelButtons: undefined,
}));

const actionTable: Record<chassisRows.ChassisAction, (chassis: Chassis) => void | Promise<void>> = {
  'power down': (chassis) => chassis.powerOff(),
  'power up': (chassis) => chassis.powerOn(),
  'power cycle': (chassis) => chassis.powerCycle(),
  'hard reset': (chassis) => chassis.reset(),
  'soft shutdown': (chassis) => chassis.softOff(),
  'diagnostic interrupt': (chassis) => chassis.injectNmi?.(),
};
/** IPMI 2.0 rev 1.1 table 28-4: these require the machine to be on. */
const needsPower: readonly chassisRows.ChassisAction[] = ['power cycle', 'hard reset', 'soft shutdown', 'diagnostic interrupt'];

const chassisControl = answer(chassisRows.chassisControl, ({ action }, context) => {
  if (action === 'diagnostic interrupt' && !context.bmcModel.chassis.injectNmi) throw new Refusal(completionCodes.invalidField);
  context.bmcModel.chassis.bootOverride.restartCountdown();
  if (needsPower.includes(action) && context.bmcModel.chassis.power() === 'off') throw new Refusal(0xd5);
  context.begin(() => actionTable[action](context.bmcModel.chassis));
  return {};
});

const deviceNames = new Map<number, keyof typeof chassisRows.bootDevices>(
  Object.entries(chassisRows.bootDevices).map(([name, number]) => [number, name as keyof typeof chassisRows.bootDevices]),
);

const setBootOptions = answer(
  chassisRows.setBootOptions,
  ({ parameter, data }, { bmcModel: { chassis }, memory: { bootOptions }, profile }) => {
    if (parameter.number !== chassisRows.bootParameters.bootFlags) {
      const kept = bootOptions.kept.get(parameter.number);
      if (!kept) throw new Refusal(completionCodes.parameterNotSupported);
      // "Commit write" (2) is optional and meaningless where writes take effect at once.
      if (parameter.number === chassisRows.bootParameters.setInProgress && data[0] === 2) return {};
      if (data.length > 0 && data.length !== kept.length) throw new Refusal(completionCodes.wrongLength);
      if (data.length > 0) bootOptions.kept.set(parameter.number, Buffer.from(data));
      return {};
    }
    const flags = decode(chassisRows.bootFlags, data, 'boot flags');
    const device = deviceNames.get(flags.selection.device);
    if (!device) throw new Refusal(completionCodes.invalidField);
    const { persistent, uefi, valid } = flags.validity;
    if (profile.forgetsBootOverride) return {};
    if (valid) chassis.bootOverride.set({ device, persistent, uefi }, { expires: !bootOptions.keepFlags });
    else chassis.bootOverride.clear();
    return {};
  },
);

const getBootOptions = answer(
  chassisRows.getBootOptions,
  ({ parameter: { number } }, { bmcModel: { chassis }, memory: { bootOptions } }) => {
    const data = number === chassisRows.bootParameters.bootFlags ? currentBootFlags(chassis) : bootOptions.kept.get(number);
    if (!data) throw new Refusal(completionCodes.parameterNotSupported);
    return { version: { number: 1 }, parameter: { number, invalid: false }, data };
  },
);

function currentBootFlags(chassis: Chassis): Buffer {
  const request = chassis.bootOverride.get();
  return encode(chassisRows.bootFlags, {
    validity: { valid: request !== undefined, persistent: request?.persistent ?? false, uefi: request?.uefi ?? false },
    selection: {
      device: chassisRows.bootDevices[request?.device ?? 'none'],
      clearCmos: false,
      lockKeyboard: false,
      blankScreen: false,
      lockReset: false,
    },
    console: 0,
    mux: 0,
    instance: 0,
  });
}

export const chassisAnswers = [
  chassisIdentify,
  getChassisCapabilities,
  getChassisStatus,
  chassisControl,
  setBootOptions,
  getBootOptions,
];
