/** IPMI 1.5 sessions and the serial line. */
import { getSessionChallenge } from '#wire/ipmi/app-commands.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import * as payload from '#wire/ipmi/payload-commands.ts';
import { authenticationTypes } from '#wire/rmcp/legacy-packet.ts';
import { rmcpPort } from '#wire/rmcp/rmcp-header.ts';
import { solPayloadSize } from '../bmc-serial-line.ts';
import { answer, checkChannel, Refusal } from './answer.ts';

const unauthorizedName = 0x81;

const challenge = answer(getSessionChallenge, ({ type, user: wanted }, { bmcModel, profile, legacySessions }) => {
  if (!profile.ipmiVersions.includes('1.5')) throw new Refusal(completionCodes.invalidCommand);
  if (type.number !== authenticationTypes.md5) throw new Refusal(completionCodes.invalidField);
  const name = wanted.subarray(0, Math.max(wanted.indexOf(0), 0) || undefined).toString();
  const user = bmcModel.users.find((candidate) => candidate.name === (wanted[0] === 0 ? '' : name));
  if (!user) throw new Refusal(unauthorizedName);
  return legacySessions.challenge(user, profile.refusePassword ? 'another one' : user.password);
});

const codes = { alreadyActive: 0x80, disabled: 0x81, notActive: 0x80, notAvailable: 0x80 } as const;

const activate = answer(payload.activatePayload, ({ type, instance }, { bmcModel, session, serialLine, address }) => {
  if (type.number !== payload.solPayload.type || instance.number !== payload.solPayload.instance) {
    throw new Refusal(completionCodes.invalidField);
  }
  const machine = bmcModel.chassis.openConsole;
  if (!machine || !session) throw new Refusal(codes.disabled);
  if (serialLine.isActive) throw new Refusal(codes.alreadyActive);
  serialLine.activate(session, machine.call(bmcModel.chassis));
  return {
    auxiliary: Buffer.alloc(4),
    inboundSize: solPayloadSize,
    outboundSize: solPayloadSize,
    port: address.port || rmcpPort,
    vlan: 0xffff,
  };
});

const deactivate = answer(payload.deactivatePayload, ({ type }, { serialLine, session }) => {
  if (type.number !== payload.solPayload.type) throw new Refusal(completionCodes.invalidField);
  if (!serialLine.isActive) throw new Refusal(codes.notActive);
  serialLine.deactivate(session);
  return {};
});

const activationStatus = answer(payload.getPayloadActivationStatus, (_, { serialLine }) => ({
  capacity: { instances: 1 },
  active: serialLine.isActive ? 1 : 0,
}));

/** IPMI messages and the serial line; session opening. */
const support = answer(payload.getChannelPayloadSupport, ({ channel }) => {
  checkChannel(channel.number);
  return { standard: 0b11, session: 0b11_1111, oem: 0, reserved: 0 };
});

const version = answer(payload.getChannelPayloadVersion, ({ channel, type }) => {
  checkChannel(channel.number);
  if (type.number > payload.solPayload.type) throw new Refusal(codes.notAvailable);
  return { version: 0x10 };
});

export const sessionAnswers = [challenge, activate, deactivate, activationStatus, support, version];
