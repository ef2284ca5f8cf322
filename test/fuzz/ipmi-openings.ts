/**
 * Session opening by an attacker without the password, with each tolerated session quirk: an impostor in place of the
 * BMC, a man in the middle who downgrades both sides, and an impostor in place of the console.
 */

import type { BmcProfile } from '#lab/bmc/bmc-profile.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { Malformed } from '#wire/bytes/malformed.ts';
import { getChassisStatus } from '#wire/ipmi/chassis-commands.ts';
import { openIpmiClient } from '#wire/ipmi/client.ts';
import { privilegeLevels } from '#wire/ipmi/command.ts';
import { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { RmcpPlusLink } from '#wire/ipmi/session-link.ts';
import { sessionQuirkTable } from '#wire/ipmi/session-quirks.ts';
import { defaultTimings, type Timings } from '#wire/ipmi/timings.ts';
import { type CipherSuite, cipherSuiteTable, findCipherSuite, matchCipherSuite } from '#wire/rmcp/cipher-suites.ts';
import * as rakp from '#wire/rmcp/rakp.ts';
import * as codes from '#wire/rmcp/session-keys.ts';
import { decodePlainPacket, encodePlainPacket, isSessionPacket, peekSession } from '#wire/rmcp/session-packet.ts';
import { dice, pick, type Roll } from './dice.ts';
import { commandOf, createWitness } from './ipmi-conversations.ts';
import { createMemoryWire, type Middleman } from './memory-datagrams.ts';
import { mutateBytes, randomBytes } from './mutations.ts';
import { diceOf, type Fixture, seedInput, type Target, type Verdict } from './target.ts';

const login = { user: 'admin', password: 'secret' } as const;
const timings: Timings = {
  ...defaultTimings,
  ...{ firstWait: 3, shortestWait: 3, longestWait: 4, deadline: 16, maxWait: 16, singleWait: 8, trusted: 0 },
};
const leniencies: readonly BmcProfile['oddSessions'][number][] = ['opensesspriv', 'intelplus', 'supermicro20', 'nochecksumcheck'];
const suiteLists: readonly BmcProfile['cipherSuites'][] = [[17, 3], [3, 17], [3], [17]];
const guesses = ['', 'admin', 'secre', 'secret!', 'x'.repeat(20)].map(codes.passwordKey);
/**
 * Algorithms of suites without integrity or encryption or based on MD5, of other existing ones, and of unknown ones.
 */
const weak = [0, 1, 2, 3, 4, 0x30, 0xff];
const mostForged = 8;

function faultyBmcProfile(roll: Roll): Pick<BmcProfile, 'oddSessions' | 'cipherSuites'> {
  return { oddSessions: leniencies.filter(() => roll(3) === 0), cipherSuites: pick(suiteLists, roll) };
}

type Algorithms = Pick<CipherSuite, 'authentication' | 'integrity' | 'confidentiality'>;

function lesser(algorithms: Algorithms, roll: Roll): Algorithms {
  if (roll(4) === 0) return { authentication: 0, integrity: 0, confidentiality: 0 };
  const kind = pick(['authentication', 'integrity', 'confidentiality'] as const, roll);
  return { ...algorithms, [kind]: pick(weak, roll) };
}

/** Truncated, extended, empty, or replaced. */
function bendCode(code: Buffer, roll: Roll): Buffer {
  const kind = roll(6);
  if (kind === 0) return Buffer.alloc(0);
  if (kind === 1) return Buffer.from(code.subarray(0, roll(code.length)));
  if (kind === 2) return Buffer.concat([code, Buffer.alloc(1 + roll(3))]);
  if (kind === 3) return Buffer.alloc(code.length + roll(2));
  return mutateBytes(code, roll);
}

/** Knowledge of an eavesdropper: everything except the password. */
class Eavesdropper {
  #suite: CipherSuite | undefined;
  #request: rakp.Rakp1 | undefined;
  #consoleSession = 0;
  #answer: Pick<rakp.Rakp2, 'random' | 'guid'> = { random: Buffer.alloc(16), guid: Buffer.alloc(16) };
  #seen: Buffer[] = [];

  hear(type: string, payload: Buffer): void {
    try {
      this.#read(type, payload);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }

  #read(type: string, payload: Buffer): void {
    if (type === 'openSessionRequest') {
      const { algorithms, consoleSession } = rakp.decodeOpenSessionRequest(payload);
      this.#suite = matchCipherSuite(algorithms);
      this.#consoleSession = consoleSession;
    }
    if (type === 'rakp1') this.#request = rakp.decodeRakp1(payload);
    if (type === 'rakp3' && payload[1] === 0) this.#seen.push(rakp.decodeRakp3(payload).code);
    const answer = type === 'rakp2' ? rakp.decodeRakp2(payload) : undefined;
    if (!answer?.ok) return;
    this.#answer = answer.value;
    this.#seen.push(answer.value.code);
  }

  /** A code of RAKP 2, 3 or 4 from a wrong password, over the role that some BMC accepts; or a replayed one. */
  forgeCode(step: 2 | 3 | 4, roll: Roll): Buffer {
    const request = this.#request;
    if (!request || roll(6) === 0) return pick(this.#seen, roll) ?? Buffer.alloc(0);
    const odd = pick(sessionQuirkTable, roll);
    const sent = { role: request.role, openingPrivilege: roll(6) };
    const facts: codes.RakpFacts = {
      suite: (roll(6) > 0 ? this.#suite : undefined) ?? pick(cipherSuiteTable, roll),
      ...{ consoleSession: this.#consoleSession, bmcSession: request.bmcSession, consoleRandom: Buffer.from(request.random) },
      ...{ bmcRandom: Buffer.from(this.#answer.random), bmcGuid: Buffer.from(this.#answer.guid), user: request.user },
      role: roll(3) === 0 ? request.role : odd.hashedRole(sent),
    };
    const key = pick(guesses, roll);
    const code = codeTable[step](facts, key);
    return roll(3) === 0 ? bendCode(code, roll) : code;
  }
}

const codeTable = {
  2: codes.rakp2Code,
  3: codes.rakp3Code,
  4: (facts: codes.RakpFacts, key: Buffer) => codes.rakp4Code(facts, codes.deriveKeys(facts, key).sik),
} as const;

type Bend = (payload: Buffer, roll: Roll, ear: Eavesdropper) => Buffer;

/** Messages of session opening; responses without an error. */
const bendTable: Readonly<Record<string, Bend>> = {
  openSessionRequest(payload, roll) {
    const request = rakp.decodeOpenSessionRequest(payload);
    return rakp.encodeOpenSessionRequest({ ...request, privilege: roll(6), algorithms: lesser(request.algorithms, roll) });
  },
  openSessionResponse(payload, roll) {
    const answer = rakp.decodeOpenSessionResponse(payload);
    if (!answer.ok || roll(5) === 0) return failure(payload, roll);
    return rakp.encodeOpenSessionResponse({ ...answer.value, algorithms: lesser(answer.value.algorithms, roll) });
  },
  rakp1(payload, roll) {
    const request = rakp.decodeRakp1(payload);
    const role = pick([request.role & 0x0f, request.role ^ 0x10, roll(256)], roll);
    return rakp.encodeRakp1({ ...request, role });
  },
  rakp2(payload, roll, ear) {
    const answer = rakp.decodeRakp2(payload);
    if (!answer.ok || roll(8) === 0) return failure(payload, roll);
    const { value } = answer;
    if (roll(4) === 0) return rakp.encodeRakp2({ ...value, random: randomBytes(16, roll) });
    return rakp.encodeRakp2({ ...value, code: roll(2) === 0 ? bendCode(value.code, roll) : ear.forgeCode(2, roll) });
  },
  rakp3(payload, roll, ear) {
    if (payload[1] !== 0) return payload;
    const proof = rakp.decodeRakp3(payload);
    return rakp.encodeRakp3({ ...proof, code: roll(2) === 0 ? bendCode(proof.code, roll) : ear.forgeCode(3, roll) });
  },
  rakp4(payload, roll, ear) {
    const answer = rakp.decodeRakp4(payload);
    // The BMC rejected it: claim that it accepted.
    const value = answer.ok
      ? answer.value
      : { tag: answer.failure.tag, status: 0, consoleSession: answer.failure.session ?? 0, code: Buffer.alloc(12) };
    if (answer.ok && roll(8) === 0) return failure(payload, roll);
    return rakp.encodeRakp4({ ...value, code: roll(2) === 0 ? bendCode(value.code, roll) : ear.forgeCode(4, roll) });
  },
};

function failure(payload: Buffer, roll: Roll): Buffer {
  const session = payload.length >= 8 ? payload.readUInt32LE(4) : 0;
  return rakp.encodeFailure({ tag: payload[0] ?? 0, status: 1 + roll(20), session });
}

/** @returns undefined for packets of an existing session, or of IPMI 1.5 */
function openingIn(packet: Buffer): { type: string; payload: Buffer } | undefined {
  if (!isSessionPacket(packet) || peekSession(packet) !== 0) return undefined;
  return decodePlainPacket(packet);
}

class OpeningMeddler implements Middleman {
  roll = dice(1);
  calm = true;
  hostile = 0;
  /** Forbidden behaviour of our client. */
  alarm: string | undefined;
  readonly #knows: boolean;
  #ear = new Eavesdropper();

  constructor(knows: boolean) {
    this.#knows = knows;
  }

  begin(roll: Roll): void {
    Object.assign(this, { roll, calm: false, hostile: 0, alarm: undefined });
    this.#ear = new Eavesdropper();
  }

  toBmc(packet: Buffer): readonly Buffer[] {
    this.alarm ??= misstepIn(packet, this.#knows);
    return this.#meddle(packet, 12);
  }

  toConsole(packet: Buffer): readonly Buffer[] {
    return this.#meddle(packet, 3);
  }

  /** Some forgeries before the true response, or in its place. */
  #meddle(packet: Buffer, rate: number): readonly Buffer[] {
    const opening = openingIn(packet);
    if (!opening) return [packet];
    this.#ear.hear(opening.type, opening.payload);
    if (this.calm || this.roll(rate) > 0) return [packet];
    const forged = Array.from({ length: 1 + this.roll(mostForged) }, () => this.#forge(packet, opening));
    this.hostile += forged.length;
    return this.roll(3) === 0 ? forged : [...forged, packet];
  }

  #forge(packet: Buffer, { type, payload }: { type: string; payload: Buffer }): Buffer {
    const bend = bendTable[type];
    if (!bend || this.roll(5) === 0) return mutateBytes(packet, this.roll);
    return encodePlainPacket(type as never, bend(payload, this.roll, this.#ear));
  }
}

const both = 0xc0;

/**
 * A session without signature or encryption; or a proof of the password to a BMC that has not proven its own knowledge.
 */
function misstepIn(packet: Buffer, knows: boolean): string | undefined {
  if (packet[4] !== 0x06) return undefined;
  if (peekSession(packet) !== 0) return ((packet[5] ?? 0) & both) === both ? undefined : 'a packet of a session in the clear';
  const { type, payload } = decodePlainPacket(packet);
  return !knows && type === 'rakp3' && payload[1] === 0 ? 'a proof was given to a BMC without the password' : undefined;
}

function requireNoMisstep({ alarm }: OpeningMeddler): void {
  if (alarm !== undefined) throw new Error(alarm);
}

/** @param knows whether the BMC has the password: one without it must never be believed, whatever it sends */
function openings(name: string, knows: boolean, share: number): Target {
  return {
    ...{ name, share, slowMs: 1_000 },
    async open(): Promise<Fixture> {
      const chassis = createMemoryChassis('on');
      const meddler = new OpeningMeddler(knows);
      const users = [{ name: login.user, password: knows ? login.password : 'another' }];
      const wire = await createMemoryWire(
        { chassis, users, profile: { sessionLimit: 1000 } },
        {
          toBmc: (packet) => meddler.toBmc(packet),
          toConsole: (packet) => meddler.toConsole(packet),
        },
      );
      return {
        make: seedInput,
        async feed(input): Promise<Verdict> {
          const roll = diceOf(input);
          wire.bmc.restart();
          wire.bmc.setBmcProfile(faultyBmcProfile(roll));
          const privilege = pick(['administrator', 'operator', 'user'] as const, roll);
          if (roll(2) === 0) await chassis.powerOn();
          else await chassis.powerOff();
          meddler.begin(roll);
          const client = openIpmiClient({ address: '192.0.2.1', port: 623, ...login, privilege }, wire.datagrams, timings);
          try {
            const { power } = await client.request(getChassisStatus, {}).finally(() => requireNoMisstep(meddler));
            if (!knows) throw new Error('a BMC without the password was believed');
            if (power.on !== (chassis.power() === 'on')) throw new Error('a forged power state was accepted');
            return { read: true, packets: Math.max(1, meddler.hostile) };
          } catch (error) {
            if (!(error instanceof IpmiError)) throw error;
            return { read: false, reason: error.detail, packets: Math.max(1, meddler.hostile) };
          } finally {
            meddler.calm = true;
            await client.close();
          }
        },
        close: () => wire.bmc.close(),
      };
    },
  };
}

const allPrivileges = Object.values(privilegeLevels);

/** A client without the password requests a session from the virtual BMC, and continues as if it had one. */
const unauthenticatedTarget: Target = {
  ...{ name: 'virtual bmc, forged logins', share: 4, slowMs: 1_000 },
  async open() {
    const chassis = createMemoryChassis();
    let answers: Buffer[] = [];
    const middle: Middleman = {
      toBmc: (packet) => [packet],
      toConsole(packet) {
        answers.push(packet);
        return [];
      },
    };
    const users = [
      { name: login.user, password: login.password },
      { name: 'eve', password: 'unknown', privilege: 'user' } as const,
    ];
    const wire = await createMemoryWire({ chassis, users, profile: { ipmiVersions: ['2.0', '1.5'] } }, middle);
    const witness = createWitness(wire, chassis);
    let sent = 0;
    const say = (
      type: Parameters<typeof encodePlainPacket>[0],
      payload: Buffer,
    ): { type: string; payload: Buffer } | undefined => {
      answers = [];
      sent += 1;
      wire.inject(encodePlainPacket(type, payload));
      const [answer] = answers;
      return answer && openingIn(answer);
    };
    const logIn = (roll: Roll): Verdict => {
      const suite = pick(cipherSuiteTable, roll);
      const ear = new Eavesdropper();
      const hear = (type: Parameters<typeof encodePlainPacket>[0], payload: Buffer) => {
        ear.hear(type, payload);
        const answer = say(type, payload);
        if (answer) ear.hear(answer.type, answer.payload);
        return answer;
      };
      const algorithms = roll(3) === 0 ? lesser(suite, roll) : suite;
      const [tag, consoleSession] = [roll(256), 1 + roll(2 ** 31)];
      const opening = hear(
        'openSessionRequest',
        rakp.encodeOpenSessionRequest({ tag, privilege: roll(6), consoleSession, algorithms }),
      );
      const opened = opening && rakp.decodeOpenSessionResponse(opening.payload);
      if (opened?.ok && !matchCipherSuite(algorithms)) throw new Error('a session without protection was granted');
      const bmcSession = opened?.ok ? opened.value.bmcSession : roll(3);
      const role = pick([0, 0x10], roll) | pick(allPrivileges, roll);
      const user = Buffer.from(pick([login.user, login.user, 'eve', '', 'nobody'], roll));
      const rakp1 = rakp.encodeRakp1({ tag, bmcSession, random: randomBytes(16, roll), role, user });
      // Sometimes without any proof of the BMC, or with a second one.
      for (let times = roll(8) === 0 ? roll(3) : 1; times > 0; times -= 1) hear('rakp1', rakp1);
      const code = roll(5) === 0 ? bendCode(ear.forgeCode(3, roll), roll) : ear.forgeCode(3, roll);
      const proof = rakp.encodeRakp3({ tag, status: 0, bmcSession, code });
      const answer = hear('rakp3', roll(10) === 0 ? mutateBytes(proof, roll) : proof);
      const accepted = answer?.type === 'rakp4' ? rakp.decodeRakp4(answer.payload) : undefined;
      if (accepted?.ok) throw new Error(`who does not know the password was let in by the code ${code.toString('hex')}`);
      talkOn({ roll, bmcSession, consoleSession, inject: (packet) => wire.inject(packet) });
      sent += 1;
      const status = accepted && !accepted.ok ? accepted.failure.status : undefined;
      return {
        read: false,
        reason: status === undefined ? 'it said nothing' : (rakp.rakpStatusTable[status] ?? `status ${status}`),
      };
    };
    return {
      make: seedInput,
      feed(input) {
        const roll = diceOf(input);
        sent = 0;
        wire.bmc.setBmcProfile(faultyBmcProfile(roll));
        const verdict = logIn(roll);
        witness();
        return { ...verdict, packets: sent };
      },
      close: () => wire.bmc.close(),
    };
  },
};

type Talk = { readonly roll: Roll; readonly bmcSession: number; readonly consoleSession: number; inject(packet: Buffer): void };

/** Signed with keys of a wrong password, or unsigned. */
function talkOn({ roll, bmcSession, consoleSession, inject }: Talk): void {
  const key = roll(2) === 0 ? Buffer.alloc(32) : pick(guesses, roll);
  const secrets = {
    suite: findCipherSuite(17) ?? pick(cipherSuiteTable, roll),
    keys: { sik: key, k1: key, k2: Buffer.alloc(32) },
  };
  inject(new RmcpPlusLink({ ...secrets, bmcSession, consoleSession }).wrap('ipmi', commandOf(roll)));
}

export const ipmiOpeningTargets: readonly Target[] = [
  openings('ipmi openings, bmc without password', false, 3),
  openings('ipmi openings, talked down', true, 3),
  unauthenticatedTarget,
];
