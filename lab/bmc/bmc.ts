/**
 * A virtual BMC: IPMI 2.0 over UDP (RMCP+), on the codec of Ingot's own client. To keep the two from sharing a mistake,
 * `ipmitool` tests this one, and the client is tested against OpenIPMI's simulator (test/captures/readme.md).
 */
import { Malformed } from '#wire/bytes/malformed.ts';
import { ByteReader } from '#wire/bytes/reader.ts';
import { privilegeLevels } from '#wire/ipmi/command.ts';
import { findCommand } from '#wire/ipmi/commands.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import { encodeGuid } from '#wire/ipmi/guid.ts';
import { decodeRequest, encodeResponse, type Request } from '#wire/ipmi/message.ts';
import { decodeAsf, encodeAsf } from '#wire/rmcp/asf-presence.ts';
import { decodeLegacyPacket, encodeLegacyPacket, peekLegacySession } from '#wire/rmcp/legacy-packet.ts';
import { readRmcpHeader } from '#wire/rmcp/rmcp-header.ts';
import { decodePlainPacket, encodePlainPacket, isSessionPacket, peekSession } from '#wire/rmcp/session-packet.ts';
import { type DatagramServer, listenUdp, type Peer } from '#wire/udp/datagrams.ts';
import type { BmcModel, BmcModelUser } from './bmc-model.ts';
import { type BmcProfile, defaultBmcProfile, startPowerAction } from './bmc-profile.ts';
import { BmcSerialLine } from './bmc-serial-line.ts';
import { type BmcSession, BmcSessions, type BmcUser } from './bmc-sessions.ts';
import type { Chassis } from './chassis.ts';
import { createBmcModel } from './create-bmc-model.ts';
import { Refusal } from './ipmi/answer.ts';
import { carryOut } from './ipmi/answers.ts';
import { BmcMemory } from './ipmi/bmc-memory.ts';
import { forward, isSendMessage, type Satellite, SatelliteMemories } from './ipmi/satellites.ts';
import { LegacySessions } from './legacy-sessions.ts';

export type BmcCommandReport = { readonly command: string; readonly completion: number; readonly user: string | undefined };

/** Overrides the BMC's own response; undefined = no override. */
export type Answering = (request: Request) => { readonly completion: number; readonly data: Buffer } | undefined;

export type BmcOptions = {
  readonly address: string;
  /** 0 = any free port; see `Bmc.port`. */
  readonly port: number;
  readonly profile?: Partial<BmcProfile>;
  /** Source of its packets; default a UDP socket. */
  readonly listen?: typeof listenUdp;
  /** Controllers behind it, reached by Send Message. */
  readonly satellites?: readonly Satellite[];
  /** Inside sessions: for replaying recordings of real ones. */
  readonly answering?: Answering;
  /** Called after each command, for logs and tests. */
  readonly onCommand?: (report: BmcCommandReport) => void;
  /** Called for each packet, including lost ones: for counters. */
  readonly onPacket?: (way: 'in' | 'out') => void;
  /** Called when a chassis action fails, also after it was acknowledged. */
  readonly onChassisError?: (error: unknown) => void;
} & (
  | { readonly bmcModel: BmcModel }
  | {
      /** A standard board around this machine. An empty name is the anonymous user; passwords have at most 20 bytes. */
      readonly chassis: Chassis;
      readonly users: readonly BmcUser[];
    }
);

export type Bmc = {
  readonly address: string;
  readonly port: number;
  readonly bmcModel: BmcModel;
  /** Changes the behaviour at run time. */
  setBmcProfile(changes: Partial<BmcProfile>): void;
  readonly sessionCount: number;
  /** Drops all sessions, as a BMC does on restart. */
  restart(): void;
  close(): Promise<void>;
};

export async function startBmc(options: BmcOptions): Promise<Bmc> {
  const bmc = new VirtualBmc(options);
  await bmc.listen();
  return bmc;
}

class VirtualBmc implements Bmc {
  readonly #options: BmcOptions;
  readonly #guid: Buffer;
  readonly bmcModel: BmcModel;
  readonly #sessions: BmcSessions;
  readonly #legacySessions: LegacySessions;
  readonly #serialLine = new BmcSerialLine((session, payload) => this.#sendOutput(session, payload));
  #memory = new BmcMemory();
  readonly #satelliteMemories = new SatelliteMemories();
  #profile: BmcProfile;
  #server: DatagramServer | undefined;

  constructor(options: BmcOptions) {
    this.#options = options;
    this.bmcModel =
      'bmcModel' in options
        ? options.bmcModel
        : createBmcModel({ ...options, users: options.users.map(toBoardUser), lan: { address: options.address } });
    this.#guid = encodeGuid(this.bmcModel.identity.uuid);
    this.bmcModel.onReset(() => this.restart());
    this.#profile = { ...defaultBmcProfile, ...options.profile };
    this.#sessions = new BmcSessions({
      users: this.bmcModel.users,
      guid: this.#guid,
      profile: () => this.#profile,
      onEnd: (session) => this.#serialLine.sessionEnded(session),
    });
    this.#legacySessions = new LegacySessions(this.#sessions);
  }

  get address(): string {
    return this.#options.address;
  }

  get port(): number {
    return this.#server?.address.port ?? this.#options.port;
  }

  get sessionCount(): number {
    return this.#sessions.count;
  }

  setBmcProfile(changes: Partial<BmcProfile>): void {
    this.#profile = { ...this.#profile, ...changes };
  }

  restart(): void {
    this.#sessions.clear();
    this.#memory.end();
    this.#memory = new BmcMemory();
  }

  async listen(): Promise<void> {
    const { address, port, listen = listenUdp } = this.#options;
    this.#server = await listen({ address, port }, (packet, from) => this.#receive(packet, from));
  }

  async close(): Promise<void> {
    this.#memory.end();
    this.#satelliteMemories.end();
    const server = this.#server;
    this.#server = undefined;
    this.#sessions.clear();
    await server?.close();
  }

  #receive(packet: Buffer, from: Peer): void {
    this.#options.onPacket?.('in');
    if (this.#profile.silent || this.#isLost()) return;
    try {
      const reply = this.#answer(packet, from);
      if (reply) this.#send(reply, from);
    } catch (error) {
      // A real BMC silently drops malformed packets.
      if (!(error instanceof Malformed)) throw error;
    }
  }

  #send(packet: Buffer, to: Peer): void {
    const { delayMs } = this.#profile;
    this.#options.onPacket?.('out');
    if (this.#isLost()) return;
    if (delayMs > 0) setTimeout(() => this.#server?.send(packet, to), delayMs);
    else this.#server?.send(packet, to);
  }

  /** Unsolicited output of the serial line. */
  #sendOutput(session: BmcSession, payload: Buffer): void {
    if (session.from && !this.#profile.silent) this.#send(session.link.wrap('sol', payload), session.from);
  }

  #isLost(): boolean {
    return Math.random() < this.#profile.dropRate;
  }

  #answer(packet: Buffer, from: Peer): Buffer | undefined {
    if (readRmcpHeader(new ByteReader(packet)) === 'asf') return answerPing(packet);
    const isLegacy = !isSessionPacket(packet);
    const id = isLegacy ? peekLegacySession(packet) : peekSession(packet);
    const session = this.#sessions.find(id);
    if (session) return this.#answerInside(packet, session, from);
    if (!isLegacy) return id === 0 ? this.#answerOutside(packet) : undefined;
    if (id !== 0) return this.#legacySessions.activate(packet, id);
    return encodeLegacyPacket(this.#carryOut(decodeRequest(decodeLegacyPacket(packet))));
  }

  #answerOutside(packet: Buffer): Buffer | undefined {
    if (!this.#profile.ipmiVersions.includes('2.0')) return undefined;
    const { type, payload } = decodePlainPacket(packet);
    if (type === 'ipmi') return encodePlainPacket('ipmi', this.#carryOut(decodeRequest(payload)));
    if (type === 'openSessionRequest') return plain('openSessionResponse', this.#sessions.answerOpenSession(payload));
    if (type === 'rakp1') return plain('rakp2', this.#sessions.answerRakp1(payload));
    if (type === 'rakp3') return plain('rakp4', this.#sessions.answerRakp3(payload));
    return undefined;
  }

  #answerInside(packet: Buffer, session: BmcSession, from: Peer): Buffer | undefined {
    const received = session.link.unwrap(packet);
    if (!received) return undefined;
    session.lastHeard = performance.now();
    session.from = from;
    if (received.type === 'sol') this.#serialLine.receive(session, received.payload);
    if (received.type !== 'ipmi') return undefined;
    const request = decodeRequest(received.payload);
    const replies = isSendMessage(request) ? this.#forward(request, session) : [this.#carryOut(request, session)];
    const reply = replies.pop() as Buffer;
    for (const before of replies) this.#send(session.link.wrap('ipmi', before), from);
    if (this.#profile.oddSessions.includes('nochecksumcheck'))
      reply.writeUInt8(reply.readUInt8(reply.length - 1) ^ 1, reply.length - 1);
    return session.link.wrap('ipmi', reply);
  }

  #forward(request: Request, session: BmcSession): Buffer[] {
    const { satellites = [] } = this.#options;
    const carryOut = (inner: Request, satellite: Satellite) => this.#outcome(inner, session, satellite);
    return forward(request, { satellites, carryOut, embeds: this.#profile.embedsBridged });
  }

  #carryOut(request: Request, session?: BmcSession): Buffer {
    const row = findCommand(request.netFn, request.command);
    const { completion, data } = this.#outcome(request, session);
    const command = row?.name ?? `command ${request.netFn.toString(16)}h/${request.command.toString(16)}h`;
    this.#options.onCommand?.({ command, completion, user: session?.user.name });
    return encodeResponse({ ...request, completion, data });
  }

  #outcome(request: Request, session?: BmcSession, satellite?: Satellite): { completion: number; data: Buffer } {
    const { netFn, command, data } = request;
    const given = session && this.#options.answering?.(request);
    if (given) return given;
    const refuse = (completion: number) => ({ completion, data: Buffer.alloc(0) });
    const row = findCommand(netFn, command);
    if (row && row.privilege !== 'none' && (session?.level ?? 0) < privilegeLevels[row.privilege]) {
      return refuse(completionCodes.insufficientPrivilege);
    }
    if (!row) return refuse(session ? completionCodes.invalidCommand : completionCodes.insufficientPrivilege);
    try {
      return { completion: completionCodes.ok, data: carryOut(row, Buffer.from(data), this.#context(session, satellite)) };
    } catch (error) {
      if (error instanceof Refusal) return refuse(error.completion);
      if (error instanceof Malformed) return refuse(completionCodes.wrongLength);
      this.#options.onChassisError?.(error);
      return refuse(completionCodes.unspecified);
    }
  }

  #context(session: BmcSession | undefined, satellite?: Satellite) {
    const { onChassisError } = this.#options;
    return {
      bmcModel: satellite?.bmcModel ?? this.bmcModel,
      memory: satellite ? this.#satelliteMemories.of(satellite) : this.#memory,
      session,
      guid: this.#guid,
      profile: this.#profile,
      sessionCount: this.#sessions.count,
      legacySessions: this.#legacySessions,
      serialLine: this.#serialLine,
      address: { address: this.address, port: this.port },
      closeSession: (id: number) => this.#sessions.close(id),
      begin: (action: () => void | Promise<void>) => startPowerAction(this.#profile, action, (error) => onChassisError?.(error)),
    };
  }
}

function plain(type: Parameters<typeof encodePlainPacket>[0], payload: Buffer | undefined): Buffer | undefined {
  return payload && encodePlainPacket(type, payload);
}

function answerPing(packet: Buffer): Buffer | undefined {
  const message = decodeAsf(packet);
  return message.type === 'ping' ? encodeAsf({ type: 'pong', tag: message.tag, ipmi: true }) : undefined;
}

function toBoardUser({ name, password, privilege = 'administrator' }: BmcUser): BmcModelUser {
  return { name, password, privilege };
}
