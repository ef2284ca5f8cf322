/**
 * A DHCP client on an InfiniBand port, like boot firmware (RFC 4390): hardware type 32, a client id, broadcast
 * responses, and no hardware address (iPXE: the GUID). As a program it takes the client id, the subnet's broadcast
 * address and optionally a hardware address, and prints the address and the boot file that it gets as JSON.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const maxWaitMs = 10_000;
const cookie = Buffer.from('63825363', 'hex');
const [discover, request] = [1, 3];

type Client = { readonly id: Buffer; readonly hardware: Buffer };

function message(type: number, { id, hardware }: Client, wanted: readonly Buffer[] = []): Buffer {
  const head = Buffer.alloc(236);
  head.set([1, 32, hardware.length, 0]);
  head.set(hardware, 28);
  head.writeUInt32BE(process.pid, 4);
  head.writeUInt16BE(0x8000, 10);
  return Buffer.concat([head, cookie, Buffer.of(53, 1, type, 61, id.length), id, ...wanted, Buffer.of(255)]);
}

async function ask(socket: Socket, packet: Buffer, to: string): Promise<Buffer> {
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(maxWaitMs) });
  socket.send(packet, 67, to);
  const [reply] = (await answer) as [Buffer];
  return reply;
}

async function lease(client: Client, to: string): Promise<{ ip: string; boot_file: string }> {
  const socket = createSocket('udp4');
  socket.bind(68);
  await once(socket, 'listening');
  socket.setBroadcast(true);
  try {
    const offer = await ask(socket, message(discover, client), to);
    const [address, server] = [offer.subarray(16, 20), offer.subarray(20, 24)];
    const wanted = [Buffer.of(50, 4), address, Buffer.of(54, 4), server];
    const reply = await ask(socket, message(request, client, wanted), to);
    return { ip: [...reply.subarray(16, 20)].join('.'), boot_file: textAt(reply, 108) };
  } finally {
    socket.close();
  }
}

/** Up to the terminating zero byte. */
function textAt(packet: Buffer, start: number): string {
  return packet.toString('latin1', start, packet.indexOf(0, start));
}

if (import.meta.main) {
  const [, , clientId = '', broadcast = '', hardware = ''] = process.argv;
  const bytes = (text: string) => Buffer.from(text.replaceAll(':', ''), 'hex');
  console.log(JSON.stringify(await lease({ id: bytes(clientId), hardware: bytes(hardware) }, broadcast)));
}
