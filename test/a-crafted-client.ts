/**
 * Firmware with one unusual behaviour: a special DHCP request, or an aborted TFTP transfer. Run as a program this file
 * is that client, so that it can run in a network namespace (`BootNetwork.crafted`).
 */
import { createSocket } from 'node:dgram';

export type CraftedDhcp = {
  kind: 'dhcp';
  type: 'DISCOVER' | 'REQUEST' | 'DECLINE';
  mac: string;
  /** Option 54: the server whose offer it accepts. */
  server?: string;
  /** Option 50. */
  requested?: string;
};
/** `size`: aborts when it knows the size; `abort`: in the second block; `hold`: acknowledges only the first block. */
export type CraftedTftp = { kind: 'tftp'; server: string; path: string; how: 'size' | 'abort' | 'hold' };
export type Crafted = CraftedDhcp | CraftedTftp;

const types = { DISCOVER: 1, REQUEST: 3, DECLINE: 4 } as const;
const ops = { read: 1, data: 3, ack: 4, error: 5, oack: 6 } as const;
const magicCookie = 0x63825363;
const vendorClass = 'PXEClient:Arch:00000:UNDI:002001';

function sendDhcp({ type, mac, server, requested }: CraftedDhcp): void {
  const packet = Buffer.alloc(400);
  packet.set([1, 1, 6, 0]);
  packet.writeUInt32BE(process.pid, 4);
  packet.writeUInt16BE(0x8000, 10); // requests a broadcast response
  packet.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 28);
  packet.writeUInt32BE(magicCookie, 236);
  const address = (code: number, text?: string) => (text ? [code, 4, ...text.split('.').map(Number)] : []);
  const options = [53, 1, types[type], ...address(54, server), ...address(50, requested)];
  packet.set([...options, 60, vendorClass.length, ...Buffer.from(vendorClass), 255], 240);
  const socket = createSocket('udp4');
  socket.bind(68, () => {
    socket.setBroadcast(true);
    socket.send(packet, 67, '255.255.255.255', () => socket.close());
  });
}

function readByTftp({ server, path, how }: CraftedTftp): void {
  const socket = createSocket('udp4');
  const options = how === 'size' ? 'tsize\x000\x00' : '';
  socket.on('message', (message, { port, address }) => {
    const [op, block] = [message.readUInt16BE(0), message.readUInt16BE(2)];
    const isEnd = op === ops.oack || (how === 'abort' && block === 2);
    const error = Buffer.concat([Buffer.from([0, ops.error, 0, 0]), Buffer.from('TFTP Aborted\x00')]);
    if (isEnd) socket.send(error, port, address, () => socket.close());
    else if (op === ops.error) socket.close();
    else if (block === 1) socket.send(Buffer.from([0, ops.ack, 0, 1]), port, address);
  });
  socket.send(Buffer.concat([Buffer.from([0, ops.read]), Buffer.from(`${path}\x00octet\x00${options}`)]), 69, server);
}

if (import.meta.main) {
  const crafted = JSON.parse(process.argv[2] ?? '{}') as Crafted;
  if (crafted.kind === 'dhcp') sendDhcp(crafted);
  else readByTftp(crafted);
}
