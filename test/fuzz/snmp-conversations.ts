/** Our SNMP client with an in-memory agent, and a man in the middle without keys. */
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { openSnmpClient, type SnmpClient } from '#wire/snmp/snmp-client.ts';
import { SnmpError } from '#wire/snmp/snmp-error.ts';
import type { SnmpCredentials } from '#wire/snmp/snmp-peer.ts';
import type { Datagrams } from '#wire/udp/datagrams.ts';
import { dice, pick, type Roll } from './dice.ts';
import { mutateBytes, randomBytes, swell } from './mutations.ts';
import { diceOf, seedInput, type Target, type Verdict, withinGracePeriod } from './target.ts';

// biome-ignore lint/suspicious/noExplicitAny: the library's agent has no types
const snmp = createRequire(import.meta.url)('net-snmp') as any;

const scalar = '1.3.6.1.4.1.318.1.1.12.3.3.1.1.4';
const object = `${scalar}.0`;
const key = { auth: 'authentic-password', priv: 'private-password' };
const signed: SnmpCredentials = {
  ...{ version: '3', user: 'signed', context: '' },
  ...{ auth: { protocol: 'sha256', key: key.auth }, priv: { protocol: 'none', key: '' } },
};
const encrypted: SnmpCredentials = { ...signed, user: 'strong', priv: { protocol: 'aes', key: key.priv } };
const clear: SnmpCredentials = { version: '2c', read: 'look', write: 'look' };
const timings = { timeout: 8, backoff: 1.2, retries: 3 };
const mostHostile = 8;
const mostKept = 128;

type Report = (packet: Buffer) => void;

/** A socket that consists of two functions. */
class MemorySocket extends EventEmitter {
  report: Report = () => {};
  send(
    packet: Buffer,
    offset: number,
    length: number,
    _port: number,
    _address: string,
    sent: (error: Error | null) => void,
  ): void {
    this.report(Buffer.from(packet.subarray(offset, offset + length)));
    sent(null);
  }
  bind(): void {}
  close(): void {}
  unref(): void {}
}

function openAgent(): { socket: MemorySocket; setValue(value: number): void } {
  const socket = new MemorySocket();
  const agent = snmp.createAgent({ port: 161, dgramModule: { createSocket: () => socket } }, () => {});
  const authorizer = agent.getAuthorizer();
  authorizer.addCommunity(clear.version === '2c' ? clear.read : '');
  const user = { authProtocol: snmp.AuthProtocols.sha256, authKey: key.auth };
  authorizer.addUser({ name: 'signed', level: snmp.SecurityLevel.authNoPriv, ...user });
  const privacy = { privProtocol: snmp.PrivProtocols.aes, privKey: key.priv };
  authorizer.addUser({ name: 'strong', level: snmp.SecurityLevel.authPriv, ...user, ...privacy });
  const { MibProviderType, ObjectType, MaxAccess } = snmp;
  const access = { scalarType: ObjectType.Integer, maxAccess: MaxAccess['read-write'] };
  agent.registerProvider({ name: 'outlet', type: MibProviderType.Scalar, oid: scalar, ...access });
  return { socket, setValue: (value) => agent.getMib().setScalarValue('outlet', value) };
}

type Middle = { calm: boolean; hostile: number; roll: Roll };

/** The true response arrives, too, among false ones. */
function datagramsOf(socket: MemorySocket, middle: Middle): Datagrams {
  const kept: Buffer[] = [];
  return {
    async connect(_peer, receive) {
      socket.report = (packet) => {
        if (middle.calm) return queueMicrotask(() => receive(packet));
        const { roll } = middle;
        kept[roll(mostKept)] = packet;
        const known = kept.filter((one) => one !== undefined);
        const forged = Array.from({ length: roll(mostHostile) }, () => forge(packet, known, roll));
        middle.hostile += forged.length;
        const at = roll(forged.length + 1);
        queueMicrotask(() => {
          for (const one of [...forged.slice(0, at), packet, ...forged.slice(at)]) receive(one);
        });
      };
      const send = (packet: Uint8Array) => {
        const asked = Buffer.from(packet);
        queueMicrotask(() => socket.emit('message', asked, { address: '192.0.2.2', port: 4000 }));
      };
      return { send, close: () => {} };
    },
  };
}

function forge(packet: Buffer, kept: readonly Buffer[], roll: Roll): Buffer {
  const kind = roll(40);
  if (kind === 0) return swell(packet, roll).subarray(0, 65_507);
  if (kind < 4) return randomBytes(roll(120), roll);
  if (kind < 12) return pick(kept, roll);
  if (kind < 18) return mutateBytes(pick(kept, roll), roll);
  if (kind < 22) return unsigned(packet, roll);
  if (kind < 28) return unsignedReport(packet, roll);
  return mutateBytes(packet, roll);
}

/** The flags (RFC 3412 section 6.4) say that the message is unsigned, and the value at the end is changed. */
function unsigned(packet: Buffer, roll: Roll): Buffer {
  const forged = Buffer.from(packet);
  const flags = forged.indexOf(Buffer.of(0x04, 0x01, 0x01));
  if (flags < 0 || flags > 40) return mutateBytes(packet, roll);
  forged[flags + 2] = 0;
  forged[forged.length - 1] = 1 + roll(4);
  return forged;
}

const sequence = 0x30;
const text = 0x04;
const integer = 0x02;

function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const trx = Buffer.concat(contents);
  const length = trx.length < 0x80 ? Buffer.of(trx.length) : Buffer.of(0x82, trx.length >> 8, trx.length & 0xff);
  return Buffer.concat([Buffer.of(tag), length, trx]);
}

const number = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return element(integer, bytes);
};

/** `1.3.6.1.6.3.15.1.1`: usmStats, RFC 3414 section 5. */
const usmStats = Buffer.of(0x2b, 6, 1, 6, 3, 15, 1, 1);
/** The outlet's own object, as if a report could contain its state. */
const outlet = Buffer.from('2b0601040182' + '3e01010c0303010104' + '00', 'hex');
const version3Head = Buffer.of(integer, 1, 3, sequence);

/**
 * Reports "unknown user", "not in time window", "wrong digest", "unknown engine id", which agents send unsigned, since
 * they have no key to sign with. They may make the client retry or give up, but never accept a value or become
 * unusable.
 */
function unsignedReport(packet: Buffer, roll: Roll): Buffer {
  const head = packet.indexOf(version3Head);
  if (head < 0 || head > 8) return mutateBytes(packet, roll);
  const at = head + version3Head.length + 1;
  const id = packet.subarray(at, at + 2 + (packet[at + 1] ?? 0));
  const engine = element(text, roll(2) === 0 ? randomBytes(5 + roll(28), roll) : engineIn(packet));
  const place = roll(4) === 0 ? outlet : Buffer.concat([usmStats, Buffer.of(1 + roll(7), 0)]);
  const value = roll(4) === 0 ? number(1 + roll(4)) : element(0x41, Buffer.of(1 + roll(100)));
  const varbinds = element(sequence, element(sequence, element(0x06, place), value));
  const pdu = element(pick([0xa8, 0xa8, 0xa8, 0xa2], roll), roll(6) === 0 ? number(0) : id, number(0), number(0), varbinds);
  const flags = Buffer.of(pick([0, 0, 0, 4, 1, 3], roll));
  const clock = [number(roll(4) === 0 ? 0x7fffffff : roll(5)), number(roll(2 ** 31))];
  const security = element(sequence, engine, ...clock, element(text, Buffer.from('signed')), element(text), element(text));
  const global = element(sequence, id, number(65_507), element(text, flags), number(3));
  const message = [number(3), global, element(text, security), element(sequence, engine, element(text), pdu)];
  return element(sequence, ...message);
}

/** The agent's own engine id: the first text inside the security parameters. */
function engineIn(packet: Buffer): Buffer {
  const at = packet.indexOf(Buffer.of(text, 5, 0x80)) + 1 || packet.indexOf(Buffer.of(0x80, 0, 0xb9, 0x83)) - 1;
  return at < 1 ? Buffer.of(0x80, 0, 0, 0, 1) : Buffer.from(packet.subarray(at + 1, at + 1 + (packet[at] ?? 0)));
}

/** Number of polls after an attack. */
const peaceEvery = 4;

function conversation(name: string, credentials: SnmpCredentials, share: number): Target {
  return {
    ...{ name: `snmp ${name}, forged replies`, share, slowMs: 1_500 },
    async open() {
      const { socket, setValue } = openAgent();
      const middle: Middle = { calm: true, hostile: 0, roll: dice(1) };
      const datagrams = datagramsOf(socket, middle);
      const client = openSnmpClient({ address: '192.0.2.1', port: 161, credentials }, { datagrams, timings });
      setValue(2);
      const [first] = await withinGracePeriod(() => client.get([object]));
      if (first !== 2) throw new Error(`the agent says ${first}`);
      return {
        make: seedInput,
        async feed(input) {
          const roll = diceOf(input);
          const truth = 1 + roll(4);
          setValue(truth);
          Object.assign(middle, { roll, calm: false, hostile: 0 });
          const verdict = await askAmong(client, credentials.version === '3' ? truth : undefined);
          middle.calm = true;
          // Unsigned messages must not have changed its keys or clock permanently.
          const [value] = roll(peaceEvery) === 0 ? await withinGracePeriod(() => client.get([object])) : [truth];
          if (value !== truth) throw new Error(`among honest packets it reads ${value}, not ${truth}`);
          return { ...verdict, packets: Math.max(1, middle.hostile) };
        },
        async close() {
          client.close();
        },
      };
    },
  };
}

/** @param truth undefined if nothing is signed, so any response is acceptable */
async function askAmong(client: SnmpClient, truth: number | undefined): Promise<Verdict> {
  try {
    const [value] = await client.get([object]);
    if (truth !== undefined && value !== truth) throw new Error(`a forged value was accepted: ${value}, not ${truth}`);
    return { read: truth === undefined };
  } catch (error) {
    if (!(error instanceof SnmpError)) throw error;
    return { read: false, reason: error.message };
  }
}

export const snmpTargets: readonly Target[] = [
  conversation('2c', clear, 2),
  conversation('3 signed', signed, 2),
  conversation('3 encrypted', encrypted, 2),
];
