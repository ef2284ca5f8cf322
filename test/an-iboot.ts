/**
 * A fake iBoot: relays behind the DxP protocol on loopback, written from the device's side (offsets, not our codec).
 */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

export type Iboot = {
  readonly port: number;
  /** Relay 1 first. */
  readonly relays: boolean[];
  /** Requests received: `get`, `1 on`. */
  readonly asked: string[];
  /** Maximum number of concurrent connections. */
  readonly mostAtOnce: number;
  profile: BmcProfile;
  close(): Promise<void>;
};

type BmcProfile = { silent?: boolean; fails?: boolean; deaf?: boolean };

export const ibootUser = { user: 'admin', password: 'secret' };

export async function startIboot(relayCount = 2): Promise<Iboot> {
  const sockets = new Set<Socket>();
  const talking = new Set<Socket>();
  let most = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', () => {
      talking.add(socket);
      most = Math.max(most, talking.size);
    });
    socket.on('close', () => {
      sockets.delete(socket);
      talking.delete(socket);
    });
    socket.on('error', () => {});
    serve(socket, iboot, () => talking.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const iboot: Iboot = {
    port: (server.address() as AddressInfo).port,
    relays: Array.from({ length: relayCount }, () => false),
    asked: [],
    get mostAtOnce() {
      return most;
    },
    profile: {},
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return iboot;
}

const helloLength = 9;
const headerLength = 47;
const changeRelay = 1;

function serve(socket: Socket, iboot: Iboot, answered: () => void): void {
  let inbox = Buffer.alloc(0);
  let sequence: number | undefined;
  socket.on('data', (piece: Buffer) => {
    inbox = Buffer.concat([inbox, piece]);
    if (iboot.profile.silent) return;
    if (sequence === undefined) {
      if (inbox.length < helloLength) return;
      if (inbox.toString('latin1', 0, helloLength) !== 'hello-000') return void socket.destroy();
      inbox = inbox.subarray(helloLength);
      sequence = Math.floor(Math.random() * 65_536);
      const hello = Buffer.alloc(2);
      hello.writeUInt16LE(sequence);
      socket.write(hello);
    }
    const length = headerLength + (inbox[43] === changeRelay ? 2 : 0);
    if (inbox.length < headerLength || inbox.length < length) return;
    const packet = inbox.subarray(0, length);
    inbox = inbox.subarray(length);
    // Each valid packet of either side increments the sequence number.
    sequence = (sequence + 1) & 0xffff;
    if (!isWelcome(packet, sequence)) return void socket.destroy();
    sequence = (sequence + 1) & 0xffff;
    socket.write(answer(packet, iboot));
    answered();
  });
}

function isWelcome(packet: Buffer, sequence: number): boolean {
  const text = (at: number) => packet.toString('latin1', at, at + 21).replace(/\0+$/, '');
  return packet[0] === 3 && text(1) === ibootUser.user && text(22) === ibootUser.password && packet.readUInt16LE(45) === sequence;
}

function answer(packet: Buffer, iboot: Iboot): Buffer {
  if (packet[43] !== changeRelay) {
    iboot.asked.push('get');
    return Buffer.from(iboot.relays.map((on) => (on ? 1 : 0)));
  }
  const [relay = 0, state] = packet.subarray(headerLength);
  iboot.asked.push(`${relay} ${state === 1 ? 'on' : 'off'}`);
  if (iboot.profile.fails || relay < 1 || relay > iboot.relays.length) return Buffer.from([1]);
  if (!iboot.profile.deaf) iboot.relays[relay - 1] = state === 1;
  return Buffer.from([0]);
}
