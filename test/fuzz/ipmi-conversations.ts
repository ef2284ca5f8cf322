/**
 * Whole conversations with a man in the middle who changes, truncates, replays, delays and forges packets without keys.
 */
import { isDeepStrictEqual } from 'node:util';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { getDeviceId } from '#wire/ipmi/app-commands.ts';
import { chassisControl, getChassisStatus } from '#wire/ipmi/chassis-commands.ts';
import { type IpmiClient, openIpmiClient } from '#wire/ipmi/client.ts';
import { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { encodeRequest, encodeResponse } from '#wire/ipmi/message.ts';
import type { ProtocolVersion } from '#wire/ipmi/session-keeper.ts';
import { defaultTimings, type Timings } from '#wire/ipmi/timings.ts';
import { encodeLegacyPacket, encodeSignedPacket, legacyKey } from '#wire/rmcp/legacy-packet.ts';
import { encodePlainPacket, encodeSessionPacket } from '#wire/rmcp/session-packet.ts';
import { dice, pick, type Roll } from './dice.ts';
import { fuzzSecrets, ivs } from './ipmi-bytes.ts';
import { createMemoryWire, type MemoryWire, type Middleman } from './memory-datagrams.ts';
import { mutateBytes, randomBytes } from './mutations.ts';
import { diceOf, type Fixture, seedInput, type Target, type Verdict, withinGracePeriod } from './target.ts';

const login = { user: 'admin', password: 'secret', privilege: 'administrator' } as const;
const users = [{ name: login.user, password: login.password }];
/** Packets are not lost for long, so a short timeout suffices. */
const timings: Timings = {
  ...defaultTimings,
  ...{ firstWait: 4, shortestWait: 4, longestWait: 8, deadline: 80, maxWait: 80, singleWait: 20, trusted: 0 },
};
const mostHostile = 10;
const mostKept = 256;
/**
 * Inputs per session: enough that request numbers (six bits) wrap around, so that an old response fits a new request.
 */
const sessionInputs = 400;

const at = { session: 6, sequence: 10 } as const;
const legacyAt = { sequence: 5, session: 9 } as const;
const isSigned = (packet: Buffer) => packet[5] === 0xc0 || packet[4] === 0x02;
const isPlus = (packet: Buffer) => packet[4] === 0x06;

/** The same session and the next sequence number, signed with invented keys. */
function signedWithoutKey(packet: Buffer, message: Buffer): Buffer {
  if (packet.length < at.sequence + 4) return packet;
  if (isPlus(packet)) {
    const [session, sequence] = [packet.readUInt32LE(at.session), packet.readUInt32LE(at.sequence) + 1];
    return encodeSessionPacket({ type: 'ipmi', session, sequence: sequence >>> 0, payload: message }, fuzzSecrets, ivs.next());
  }
  if (packet.length < legacyAt.session + 4) return packet;
  const [sequence, session] = [packet.readUInt32LE(legacyAt.sequence) + 1, packet.readUInt32LE(legacyAt.session)];
  return encodeSignedPacket({ session, sequence: sequence >>> 0, message }, legacyKey('guessed'));
}

/** Not signed by the session's keys: header and trailer of a signed packet, with different content. */
function withoutSignature(packet: Buffer, message: Buffer): Buffer {
  const forged = encodePlainPacket('ipmi', message);
  packet.copy(forged, at.session, at.session, Math.min(packet.length, at.sequence + 4));
  return forged;
}

/** An old response that probably has the pending request's number: there are 64. */
function fitting(kept: readonly Buffer[], roll: Roll): Buffer {
  return kept.at(-1 - 64 * (1 + roll(3)) + roll(3) - 1) ?? pick(kept, roll);
}

/** A replayed packet with a new sequence number: the signature no longer matches. */
function renumbered(old: Buffer, now: Buffer, roll: Roll): Buffer {
  const offset = isPlus(now) ? at.sequence : legacyAt.sequence;
  if (now.length < offset + 4 || old.length < offset + 4) return old;
  const copy = Buffer.from(old);
  copy.writeUInt32LE((now.readUInt32LE(offset) + 1 + roll(3)) >>> 0, offset);
  return copy;
}

type Forge = (packet: Buffer, kept: readonly Buffer[], roll: Roll) => Buffer;

function forgeTable(lie: (roll: Roll) => Buffer): readonly Forge[] {
  return [
    (packet, _, roll) => mutateBytes(packet, roll),
    (_, kept, roll) => pick(kept, roll),
    (_, kept, roll) => mutateBytes(pick(kept, roll), roll),
    (_, kept, roll) => fitting(kept, roll),
    (packet, kept, roll) => renumbered(fitting(kept, roll), packet, roll),
    (packet, _, roll) => packet.subarray(0, roll(packet.length)),
    (_packet, _kept, roll) => encodePlainPacket('ipmi', lie(roll)),
    (_packet, _kept, roll) => encodeLegacyPacket(lie(roll)),
    (packet, _, roll) => signedWithoutKey(packet, lie(roll)),
    (packet, _, roll) => withoutSignature(packet, lie(roll)),
    (_packet, _kept, roll) => randomBytes(roll(90), roll),
  ];
}

/** The last ones, oldest first. */
class Keeper {
  readonly packets: Buffer[] = [];

  keep(packet: Buffer): void {
    this.packets.push(packet);
    if (this.packets.length > mostKept) this.packets.shift();
  }
}

/** Forged opposite responses, for each sequence number that the client may expect. */
function lieOf(power: () => 'on' | 'off'): (roll: Roll) => Buffer {
  return (roll) => {
    const data = Buffer.of(power() === 'on' ? 0 : 1, 0, 0);
    return encodeResponse({ netFn: 0, command: 1, sequence: roll(64), completion: roll(4) === 0 ? roll(256) : 0, data });
  };
}

/** Our client must receive the true response or none. */
function forgedAnswers(version: ProtocolVersion): Target {
  return {
    name: `ipmi ${version} client, forged answers`,
    share: version === '2.0' ? 12 : 6,
    slowMs: 1_000,
    async open() {
      const chassis = createMemoryChassis();
      const forges = forgeTable(lieOf(() => chassis.power()));
      const kept = new Keeper();
      let roll = dice(1);
      let hostile = 0;
      let calm = true;
      const middle: Middleman = {
        toBmc: (packet) => (!calm && roll(40) === 0 ? [] : [packet]),
        toConsole(packet) {
          if (calm) return [packet];
          const isOpening = !isSigned(packet);
          kept.keep(packet);
          // Session opening is unsigned: forgeries may make it fail, but must not be believed.
          const count = isOpening && roll(4) > 0 ? 0 : roll(mostHostile);
          const forged = Array.from({ length: count }, () => pick(forges, roll)(packet, kept.packets, roll));
          hostile += forged.length;
          if (roll(40) === 0) return forged;
          const at = roll(forged.length + 1);
          return [...forged.slice(0, at), packet, ...forged.slice(at)];
        },
      };
      const wire = await createMemoryWire({ chassis, users, profile: { ipmiVersions: [version], sessionLimit: 1000 } }, middle);
      const connect = () => openIpmiClient({ address: '192.0.2.1', port: 623, ...login, version }, wire.datagrams, timings);
      let client = connect();
      const device = await withinGracePeriod(() => client.request(getDeviceId, {}));
      let inputs = 0;
      const renew = async () => {
        calm = true;
        await client.close();
        wire.bmc.restart();
        client = connect();
      };
      const fixture: Fixture = {
        make: seedInput,
        async feed(input): Promise<Verdict> {
          if (++inputs % sessionInputs === 0) await renew();
          roll = diceOf(input);
          [calm, hostile] = [false, 0];
          if (roll(2) === 0) await chassis.powerOn();
          else await chassis.powerOff();
          try {
            await checkAnswer({ client, isDevice: roll(4) === 0, device, power: chassis.power() });
            return { read: false, packets: Math.max(1, hostile) };
          } catch (error) {
            if (!(error instanceof IpmiError)) throw error;
            return { read: false, reason: error.detail, packets: Math.max(1, hostile) };
          }
        },
        async close() {
          calm = true;
          await client.close();
          await wire.bmc.close();
        },
      };
      return fixture;
    },
  };
}

type Check = { client: IpmiClient; isDevice: boolean; device: unknown; power: 'on' | 'off' };

async function checkAnswer({ client, isDevice, device, power }: Check): Promise<void> {
  if (isDevice) {
    const answer = await client.request(getDeviceId, {});
    if (!isDeepStrictEqual(answer, device)) throw new Error(`a forged device was accepted: ${JSON.stringify(answer)}`);
    return;
  }
  const { power: answer } = await client.request(getChassisStatus, {});
  if (answer.on !== (power === 'on')) throw new Error(`a forged power state was accepted: the machine is ${power}`);
}

/** Commands that no holder of the keys has sent. */
export function commandOf(roll: Roll): Buffer {
  const power = { netFn: 0, command: 2, sequence: roll(64), data: Buffer.of(roll(6)) };
  const others = [
    { netFn: 0, command: 8, sequence: roll(64), data: Buffer.of(5, 0x80, 0x04, 0, 0, 0) },
    { netFn: 6, command: 0x3c, sequence: roll(64), data: randomBytes(4, roll) },
    { netFn: 6, command: 0x47, sequence: roll(64), data: Buffer.concat([Buffer.of(2, 2), Buffer.alloc(16, 'x')]) },
    { netFn: 6, command: 2, sequence: roll(64), data: Buffer.alloc(0) },
  ];
  return encodeRequest(roll(2) === 0 ? power : pick(others, roll));
}

const honestEvery = 500;

/** A packet without the session's keys, or a replayed one, must have no effect. */
function forgedRequests(version: ProtocolVersion): Target {
  return {
    name: `virtual bmc ${version}, forged requests`,
    share: version === '2.0' ? 8 : 4,
    slowMs: 1_000,
    async open() {
      const chassis = createMemoryChassis();
      const kept: Buffer[] = [];
      const middle: Middleman = {
        toBmc(packet) {
          if (kept.length < mostKept) kept.push(packet);
          return [packet];
        },
        toConsole: (packet) => [packet],
      };
      const wire = await createMemoryWire({ chassis, users, profile: { ipmiVersions: [version] } }, middle);
      const client = openIpmiClient({ address: '192.0.2.1', port: 623, ...login, version }, wire.datagrams);
      for (const action of ['power up', 'hard reset', 'power down', 'power up'] as const)
        await client.request(chassisControl, { action });
      const forges = forgeTable(commandOf);
      const witness = createWitness(wire, chassis);
      let inputs = 0;
      return {
        make(roll) {
          // Most mutations are close to the original packet.
          const packet = pick(kept, roll);
          return pick(forges, roll)(packet, kept, roll);
        },
        async feed(input) {
          if (++inputs % honestEvery === 0 && !(await client.request(getChassisStatus, {})).power.on)
            throw new Error('the session that is left tells that the machine is off');
          const before = wire.answers;
          wire.inject(input);
          witness();
          return wire.answers > before ? { read: true } : { read: false };
        },
        async close() {
          await client.close();
          await wire.bmc.close();
        },
      };
    },
  };
}

export function createWitness({ bmc }: MemoryWire, chassis: ReturnType<typeof createMemoryChassis>): () => void {
  const see = () => ({
    power: chassis.power(),
    boots: chassis.boots.length,
    sessions: bmc.sessionCount,
    users: JSON.stringify(bmc.bmcModel.users),
  });
  const before = see();
  return () => {
    const now = see();
    if (!isDeepStrictEqual(now, before))
      throw new Error(`a forgery was obeyed: ${JSON.stringify(now)}, not ${JSON.stringify(before)}`);
  };
}

export const ipmiConversationTargets: readonly Target[] = [
  forgedAnswers('2.0'),
  forgedAnswers('1.5'),
  forgedRequests('2.0'),
  forgedRequests('1.5'),
];
