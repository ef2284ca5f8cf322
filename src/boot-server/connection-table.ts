/**
 * The connections of one listener, by address. No client can use them all: each address has a limit. When the listener
 * is full, the oldest unauthenticated connection of the address with the most of these is closed.
 */
import { type BlockList, isIPv6, type Socket } from 'node:net';

export type ConnectionLimits = {
  /** Maximum connections of the listener. */
  readonly total: number;
  /** Maximum per address (per /64 for IPv6). Loopback is exempt: a local proxy forwards many clients. */
  readonly perAddress: number;
  /** Addresses of proxies that forward many clients. */
  readonly proxies?: Pick<BlockList, 'check'>;
};

type Peer = {
  readonly address: string;
  readonly sockets: Set<Socket> /** Unauthenticated connections, oldest first. */;
  readonly unproven: Set<Socket>;
};

const spared = new Set(['127.0.0.1', '::1']);
/** Maximum number of authenticated addresses remembered, the latest last. */
const knownMax = 20_000;

export class ConnectionTable {
  readonly limits: ConnectionLimits;
  readonly #peers = new Map<string, Peer>();
  /** Peers by their number of unauthenticated connections, so that the one to evict is found at once. */
  readonly #ranks = new Map<number, Set<Peer>>();
  readonly #peerOf = new Map<Socket, Peer>();
  readonly #known = new Set<string>();
  #highestRank = 0;

  constructor(limits: ConnectionLimits) {
    this.limits = limits;
  }

  get size(): number {
    return this.#peerOf.size;
  }

  sockets(): IterableIterator<Socket> {
    return this.#peerOf.keys();
  }

  /** @returns whether the connection is accepted; another one may have been closed for it */
  admit(socket: Socket): boolean {
    const address = placeOf(socket.remoteAddress ?? '');
    const held = this.#peers.get(address)?.sockets.size ?? 0;
    if (held >= this.limits.perAddress && !this.#isSpared(socket.remoteAddress ?? '', address)) return false;
    if (this.size >= this.limits.total && !this.#makeRoom(address)) return false;
    this.#add(socket, address);
    socket.once('close', () => this.#remove(socket));
    return true;
  }

  /** Marks the peer as authenticated: this connection is not evicted, and its address is admitted again later. */
  prove(socket: Socket): void {
    const peer = this.#peerOf.get(socket);
    if (!peer) return;
    this.#rank(peer, () => peer.unproven.delete(socket));
    this.#known.delete(peer.address);
    this.#known.add(peer.address);
    const [oldest] = this.#known;
    if (this.#known.size > knownMax && oldest !== undefined) this.#known.delete(oldest);
  }

  #isSpared(remote: string, place: string): boolean {
    return spared.has(place) || (this.limits.proxies?.check(remote, isIPv6(remote) ? 'ipv6' : 'ipv4') ?? false);
  }

  #makeRoom(newcomer: string): boolean {
    const [peer] = this.#ranks.get(this.#highestRank) ?? [];
    const [victim] = peer?.unproven ?? [];
    const own = this.#peers.get(newcomer)?.unproven.size ?? 0;
    if (!victim || !(this.#known.has(newcomer) || this.#highestRank > own + 1)) return false;
    this.#remove(victim);
    victim.destroy();
    return true;
  }

  #add(socket: Socket, address: string): void {
    const peer = this.#peers.get(address) ?? { address, sockets: new Set(), unproven: new Set() };
    this.#peers.set(address, peer);
    this.#peerOf.set(socket, peer);
    peer.sockets.add(socket);
    this.#rank(peer, () => peer.unproven.add(socket));
  }

  #remove(socket: Socket): void {
    const peer = this.#peerOf.get(socket);
    if (!peer) return;
    this.#peerOf.delete(socket);
    peer.sockets.delete(socket);
    this.#rank(peer, () => peer.unproven.delete(socket));
    if (peer.sockets.size === 0) this.#peers.delete(peer.address);
  }

  #rank(peer: Peer, change: () => void): void {
    this.#ranks.get(peer.unproven.size)?.delete(peer);
    change();
    const rank = peer.unproven.size;
    const equals = this.#ranks.get(rank) ?? new Set();
    this.#ranks.set(rank, equals);
    if (rank > 0) equals.add(peer);
    this.#highestRank = Math.max(this.#highestRank, rank);
    while (this.#highestRank > 0 && !this.#ranks.get(this.#highestRank)?.size) this.#ranks.delete(this.#highestRank--);
  }
}

/** An IPv6 client controls its whole /64. */
function placeOf(remote: string): string {
  const address = remote.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*/, '');
  if (!isIPv6(address) || spared.has(address)) return address;
  const [head = '', tail = ''] = address.split('::');
  const front = head.split(':').filter(Boolean);
  const back = tail.split(':').filter(Boolean);
  const middle = address.includes('::') ? Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0') : [];
  return [...front, ...middle, ...back].slice(0, 4).join(':');
}
