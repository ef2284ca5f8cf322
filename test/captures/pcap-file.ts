/** Datagrams of one UDP port in a packet capture: the classic pcap format, Ethernet, IPv4. */
import { readFile } from 'node:fs/promises';

export type Datagram = { readonly direction: 'to-port' | 'from-port'; readonly payload: Buffer };

const fileHeaderLength = 24;
const frameHeaderLength = 16;
const ethernetLength = 14;
const udpHeaderLength = 8;
const udpProtocol = 17;
const magic = 0xa1b2c3d4;

export async function readPcap(path: string, port: number): Promise<Datagram[]> {
  const file = await readFile(path);
  const isLittle = file.readUInt32LE(0) === magic;
  if (!isLittle && file.readUInt32BE(0) !== magic) throw new Error(`${path} is no packet capture in the classic format`);
  const datagrams: Datagram[] = [];
  for (let at = fileHeaderLength; at + frameHeaderLength <= file.length; ) {
    const length = isLittle ? file.readUInt32LE(at + 8) : file.readUInt32BE(at + 8);
    const datagram = readFrame(file.subarray(at + frameHeaderLength, at + frameHeaderLength + length), port);
    if (datagram) datagrams.push(datagram);
    at += frameHeaderLength + length;
  }
  return datagrams;
}

function readFrame(frame: Buffer, port: number): Datagram | undefined {
  const ip = frame.subarray(ethernetLength);
  const headerLength = ((ip[0] ?? 0) & 0x0f) * 4;
  const udp = ip.subarray(headerLength);
  if ((ip[0] ?? 0) >> 4 !== 4 || ip[9] !== udpProtocol || udp.length < udpHeaderLength) return undefined;
  const payload = udp.subarray(udpHeaderLength, udp.readUInt16BE(4));
  if (udp.readUInt16BE(2) === port) return { direction: 'to-port', payload };
  return udp.readUInt16BE(0) === port ? { direction: 'from-port', payload } : undefined;
}
