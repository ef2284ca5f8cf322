/**
 * Shares few sockets among many peers: a socket per BMC would need ten thousand descriptors and as many small receive
 * buffers. The source address and port of a packet identify its receiver.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { DatagramSocket, Datagrams, Peer } from './datagrams.ts';
import { HostNames } from './host-names.ts';
import { PacketBudget } from './packet-budget.ts';

export type SharedUdpOptions = {
  /** Sockets per address family, used round robin; more are opened if there are several connections to one peer. */
  readonly sockets?: number;
  /** Packets per second, over all peers; 0 = unlimited. */
  readonly packetsPerSecond?: number;
  readonly names?: HostNames;
};

export type SharedUdp = Datagrams & {
  readonly budget: PacketBudget;
  stats(): SharedUdpStats;
  close(): void;
};

export type SharedUdpStats = {
  readonly sockets: number;
  readonly peers: number;
  readonly sent: number;
  readonly received: number;
  /** Packets from a sender that is not, or no longer, a connected peer. */
  readonly unexpected: number;
  /** Packets queued by the rate limit. */
  readonly waiting: number;
};

type Counters = { sent: number; received: number; unexpected: number };
type Receive = (packet: Buffer) => void;

/** Requested size; the kernel grants at most `net.core.rmem_max`, which is why there are several sockets. */
const bufferBytes = 8 * 1024 * 1024;

export function openSharedUdp({ sockets = 8, packetsPerSecond = 0, names = new HostNames() }: SharedUdpOptions = {}): SharedUdp {
  const open: Record<4 | 6, SharedSocket[]> = { 4: [], 6: [] };
  const counters: Counters = { sent: 0, received: 0, unexpected: 0 };
  const all = () => [...open[4], ...open[6]];
  const budget = new PacketBudget(packetsPerSecond);
  let next = 0;

  /** The next socket not in use with this peer: two sessions with one BMC need two source ports. */
  function choose(family: 4 | 6, key: string): SharedSocket {
    const group = open[family];
    next += 1;
    const free =
      group.length < sockets
        ? undefined
        : group.map((_, at) => group[(next + at) % group.length] as SharedSocket).find((socket) => !socket.receivers.has(key));
    if (free) return free;
    const socket = new SharedSocket(family, counters);
    group.push(socket);
    return socket;
  }

  return {
    budget,
    async connect(peer, receive) {
      const found = names.find(peer.address);
      const { address, family } = found instanceof Promise ? await found : found;
      const key = keyOf(address, peer.port);
      return choose(family, key).attach({ address, port: peer.port }, receive);
    },
    stats: () => {
      const peers = all().reduce((sum, { receivers }) => sum + receivers.size, 0);
      return { sockets: all().length, peers, ...counters, waiting: budget.waiting };
    },
    close() {
      for (const socket of all()) socket.close();
      open[4].length = 0;
      open[6].length = 0;
    },
  };
}

class SharedSocket {
  readonly receivers = new Map<string, Receive>();
  readonly #socket: Socket;
  readonly #counters: Counters;
  #bound = false;
  #closed = false;
  /** Packets sent before the socket was bound. */
  readonly #early: (() => void)[] = [];

  constructor(family: 4 | 6, counters: Counters) {
    this.#counters = counters;
    // Peers are addresses here: without this, each send would call the resolver again.
    const lookup = (address: string, _: unknown, done: (error: null, address: string, family: number) => void) =>
      done(null, address, family);
    this.#socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup: lookup as never });
    this.#socket.on('message', (packet: Buffer, from: RemoteInfo) => this.#take(packet, from));
    // A packet that cannot be sent counts as lost; the requester retries.
    this.#socket.on('error', () => {});
    this.#socket.bind(0, () => this.#ready());
    // An idle peer must not keep the process alive; a requester that waits has a timer that does.
    this.#socket.unref();
  }

  attach(to: Peer, receive: Receive): DatagramSocket {
    const key = keyOf(to.address, to.port);
    this.receivers.set(key, receive);
    return {
      send: (packet) => this.#send(packet, to),
      close: () => void this.receivers.delete(key),
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.receivers.clear();
    this.#socket.close();
  }

  #ready(): void {
    this.#bound = true;
    try {
      this.#socket.setRecvBufferSize(bufferBytes);
      this.#socket.setSendBufferSize(bufferBytes);
    } catch {
      // The kernel's default is smaller, and enough for a few hundred peers.
    }
    for (const send of this.#early.splice(0)) send();
  }

  #send(packet: Uint8Array, to: Peer): void {
    if (this.#closed) return;
    if (!this.#bound) return void this.#early.push(() => this.#send(packet, to));
    this.#counters.sent += 1;
    this.#socket.send(packet, to.port, to.address, ignore);
  }

  #take(packet: Buffer, { address, port }: RemoteInfo): void {
    this.#counters.received += 1;
    const receive = this.receivers.get(keyOf(address, port));
    if (receive) receive(packet);
    else this.#counters.unexpected += 1;
  }
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`;
}

function ignore(): void {}
