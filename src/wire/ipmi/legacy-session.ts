/**
 * An IPMI 1.5 session over the LAN, signed with MD5, for BMCs that support nothing better: IPMI 2.0 rev 1.1 section
 * 6.12.7 and 22.16 to 22.18. It authenticates packets and encrypts nothing. The authentication types none, MD2 and
 * plain password are never used.
 */
import { randomBytes } from 'node:crypto';
import { decode, encode } from '../bytes/fields.ts';
import {
  authenticationTypes,
  decodeSignedPacket,
  encodeSignedPacket,
  legacyKey,
  readUnsignedMessage,
} from '../rmcp/legacy-packet.ts';
import { activateSession, getSessionChallenge } from './app-commands.ts';
import { adviceOn, privilegeLevels } from './command.ts';
import { completionCodes, describeCompletion } from './completion-codes.ts';
import type { Conversation } from './conversation.ts';
import { type Login, NoFreeSession } from './handshake.ts';
import { IpmiError } from './ipmi-error.ts';
import { LegacyLink } from './legacy-link.ts';
import { decodeResponse, encodeRequest } from './message.ts';
import { askOutside, readCapabilities, unfit, unsupported } from './outside-commands.ts';
import type { SessionLink } from './session-link.ts';
import type { Budget } from './timings.ts';

/** Completion codes of Activate Session, table 22-21. */
const fullCodes: readonly number[] = [0x81, 0x82, 0x83];
const privilegeTooHigh = 0x86;

/** @throws IpmiError */
export async function openLegacySession(conversation: Conversation, login: Login, budget: Budget): Promise<SessionLink> {
  const capabilities = await readCapabilities(conversation, { extended: false, budget });
  if (!capabilities?.types.md5) throw unsupported(conversation, 'it offers no MD5 authentication for IPMI 1.5 on this channel');
  for (let round = 1; ; round += 1) {
    const { session, challenge } = await askChallenge(conversation, login.user, budget);
    try {
      return await activate(conversation, login, { session, challenge, budget });
    } catch (error) {
      if (!(error instanceof IpmiError) || error.failure !== 'silent') throw error;
      if (round === mostRounds || budget.left === 0) throw suspectPassword(error);
    }
  }
}

/**
 * A BMC that responds to the challenge and then to nothing has probably dropped packets signed with a wrong password.
 * Only this many rounds make that probable: if one response is lost, the BMC considers the session open and ignores
 * retries, so each round starts with a new challenge.
 */
const mostRounds = 4;
const sendsInRound = 2;

type Activation = { readonly session: number; readonly challenge: Buffer; readonly budget: Budget };

async function activate(conversation: Conversation, login: Login, { session, challenge, budget }: Activation) {
  const key = legacyKey(login.password);
  const firstInbound = randomBytes(4).readUInt32LE() || 1;
  const data = encode(activateSession.request, {
    type: { number: authenticationTypes.md5 },
    privilege: { level: privilegeLevels[login.privilege] },
    challenge,
    outboundSequence: firstInbound,
  });
  const { netFn, command, name } = activateSession;
  const message = encodeRequest({ netFn, command, sequence: 1, data });
  const packet = encodeSignedPacket({ session, sequence: 0, message }, key);
  const answer = await conversation.ask({
    command: name,
    packet: () => packet,
    sends: sendsInRound,
    budget,
    // A response signed with another password looks like no response: packets without a valid signature are dropped.
    // BMCs do not respond in that case anyway.
    accept: (received) => readActivation(received, key),
  });
  if (answer.completion !== completionCodes.ok) throw turnedDown(conversation, login, answer.completion);
  const terms = decode(activateSession.response, answer.data, name);
  if (terms.type.number !== authenticationTypes.md5) throw unfit(conversation, 'it requires to continue without signatures');
  return new LegacyLink({ bmcSession: terms.session, key, firstOutbound: terms.inboundSequence, firstInbound });
}

async function askChallenge(conversation: Conversation, user: string, budget: Budget) {
  const row = getSessionChallenge;
  const name = Buffer.alloc(16);
  name.write(user, 'utf8');
  const query = { type: { number: authenticationTypes.md5 }, user: name };
  const { completion, data } = await askOutside(conversation, row, { query, legacy: true, budget });
  if (completion === completionCodes.ok) return decode(row.response, data, row.name);
  const detail = describeCompletion(completion, row.completionCodes);
  const isName = completion in (row.completionCodes ?? {});
  throw new IpmiError(isName ? 'refused' : 'completion', { peer: conversation.peer, command: row.name, detail, completion });
}

/**
 * BMCs sign the response, or leave a refusal unsigned. Accepting a forged refusal does no harm: its sender could also
 * have dropped the packet.
 */
function readActivation(packet: Buffer, key: Uint8Array) {
  const unsigned = readUnsignedMessage(packet);
  const answer = decodeResponse(unsigned ?? decodeSignedPacket(packet, key).message);
  const { netFn, command } = activateSession;
  if (unsigned && answer.completion === completionCodes.ok) return undefined;
  return answer.netFn === netFn && answer.command === command && answer.sequence === 1 ? answer : undefined;
}

function turnedDown({ peer }: Conversation, { privilege }: Login, completion: number): IpmiError {
  const said = describeCompletion(completion, activateSession.completionCodes);
  const isTooHigh = completion === privilegeTooHigh;
  const context = { peer, command: activateSession.name, detail: isTooHigh ? `${said}${adviceOn(privilege)}` : said };
  if (fullCodes.includes(completion)) return new NoFreeSession('completion', context);
  return new IpmiError(isTooHigh ? 'privilege' : 'completion', { ...context, completion });
}

function suspectPassword({ peer, command, attempts, seconds }: IpmiError): IpmiError {
  const detail = 'it accepted the user name but not the signature, so the password is probably wrong';
  return new IpmiError('refused', { peer, command, attempts, seconds, detail });
}
