/** Datagram sockets behind two small interfaces, so that a test can lose, delay or forge packets between two ends. */
import { createSocket, type RemoteInfo } from 'node:dgram';
import type { PacketBudget } from './packet-budget.ts';

export type Peer = { readonly address: string; readonly port: number };

/** A socket for one peer. */
export type DatagramSocket = {
  send(packet: Uint8Array): void;
  close(): void;
};

export type Datagrams = {
  /** Rate limit of all these sockets together; absent = unlimited. */
  readonly budget?: PacketBudget;
  /** Packets from senders other than `peer` never reach `receive`. Rejects if the address is invalid. */
  connect(peer: Peer, receive: (packet: Buffer) => void): Promise<DatagramSocket>;
};

/** A socket for many peers. */
export type DatagramServer = {
  readonly address: Peer;
  send(packet: Uint8Array, to: Peer): void;
  close(): Promise<void>;
};

export async function listenUdp(at: Peer, receive: (packet: Buffer, from: Peer) => void): Promise<DatagramServer> {
  const socket = createSocket(at.address.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(at.port, at.address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  socket.on('error', () => {});
  socket.on('message', (packet: Buffer, from: RemoteInfo) => receive(packet, { address: from.address, port: from.port }));
  const { address, port } = socket.address();
  return {
    address: { address, port },
    send: (packet, to) => socket.send(packet, to.port, to.address, () => {}),
    close: () => new Promise<void>((resolve) => void socket.close(resolve)),
  };
}
