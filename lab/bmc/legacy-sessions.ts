/** The managed system's side of opening IPMI 1.5 sessions with MD5: IPMI 2.0 rev 1.1 sections 22.16 and 22.17. */
import { randomBytes } from 'node:crypto';
import { decode, encode } from '#wire/bytes/fields.ts';
import { activateSession } from '#wire/ipmi/app-commands.ts';
import { privilegeLevels } from '#wire/ipmi/command.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { LegacyLink } from '#wire/ipmi/legacy-link.ts';
import { decodeRequest, encodeResponse } from '#wire/ipmi/message.ts';
import { authenticationTypes, decodeSignedPacket, encodeSignedPacket, legacyKey } from '#wire/rmcp/legacy-packet.ts';
import type { BmcSessions, BmcUser } from './bmc-sessions.ts';
import { limitOf } from './bmc-sessions.ts';

type Challenge = { readonly user: BmcUser; readonly key: Buffer; readonly bytes: Buffer };

/** Table 22-21. */
const activationCodes = { noSlot: 0x81, privilegeTooHigh: 0x86 } as const;
/** The oldest challenges are evicted: requesting one proves nothing. */
const mostChallenges = 16;

export class LegacySessions {
  readonly #sessions: BmcSessions;
  readonly #challenges = new Map<number, Challenge>();

  constructor(sessions: BmcSessions) {
    this.#sessions = sessions;
  }

  challenge(user: BmcUser, password: string): { session: number; challenge: Buffer } {
    const session = this.#sessions.freshId();
    const bytes = randomBytes(16);
    this.#challenges.set(session, { user, key: legacyKey(password), bytes });
    for (const oldest of this.#challenges.keys()) {
      if (this.#challenges.size <= mostChallenges) break;
      this.#challenges.delete(oldest);
    }
    return { session, challenge: bytes };
  }

  /**
   * Activate Session, signed with the challenged user's password. @returns undefined for no response. @throws Malformed
   */
  activate(packet: Buffer, id: number): Buffer | undefined {
    const challenge = this.#challenges.get(id);
    if (!challenge) return undefined;
    const { sequence, message } = decodeSignedPacket(packet, challenge.key);
    const request = decodeRequest(message);
    if (sequence !== 0 || request.netFn !== activateSession.netFn || request.command !== activateSession.command)
      return undefined;
    const reply = (completion: number, data: Buffer = Buffer.alloc(0)) => {
      const response = encodeResponse({ ...request, completion, data });
      return encodeSignedPacket({ session: id, sequence: 0, message: response }, challenge.key);
    };
    const wanted = decode(activateSession.request, Buffer.from(request.data), activateSession.name);
    if (!wanted.challenge.equals(challenge.bytes)) return reply(completionCodes.invalidField);
    if (wanted.privilege.level > limitOf(challenge.user)) return reply(activationCodes.privilegeTooHigh);
    const inboundSequence = randomBytes(4).readUInt32LE() || 1;
    const terms = { firstOutbound: wanted.outboundSequence, firstInbound: inboundSequence };
    const link = new LegacyLink({ bmcSession: id, key: challenge.key, ...terms });
    const limit = wanted.privilege.level;
    const session = this.#sessions.add({ link, user: challenge.user, limit, level: privilegeLevels.user }, id);
    if (!session) return reply(activationCodes.noSlot);
    this.#challenges.delete(id);
    const type = { number: authenticationTypes.md5 };
    return reply(
      completionCodes.ok,
      encode(activateSession.response, { type, session: id, inboundSequence, privilege: { level: limit } }),
    );
  }
}
