/** IPMI messages on the LAN: addresses, network function, command, two checksums. IPMI 2.0 rev 1.1 section 13.8. */
import { Malformed } from '../bytes/malformed.ts';
import { ByteReader } from '../bytes/reader.ts';

/** Slave address of the BMC and software id of a remote console, section 5.5. */
export const bmcAddress = 0x20;
export const consoleAddress = 0x81;

/** Network functions, table 5-1. A response's is one more than its request's. */
export const netFns = { chassis: 0x00, sensor: 0x04, app: 0x06, storage: 0x0a, transport: 0x0c } as const;

export type Request = {
  netFn: number;
  command: number;
  lun?: number;
  sequence: number;
  data: Uint8Array;
  /** Slave addresses of a bridged request; default: the BMC's and the console's. */
  to?: number;
  from?: number;
};
export type Response = Request & { completion: number };

/** Addresses, network function, first checksum, sequence, command: section 13.8. The second checksum comes last. */
const headLength = 6;

type Address = { to: number; netFn: number; lun?: number; from: number; sequence: number; command: number };

export function encodeRequest(request: Request): Buffer {
  const { netFn, command, lun = 0, sequence, data, to = bmcAddress, from = consoleAddress } = request;
  return encode({ to, netFn, lun, from, sequence, command }, data);
}

export function decodeRequest(message: Uint8Array): Request {
  const { to, ...request } = decodeForwarded(message);
  if (to !== bmcAddress) throw new Malformed(`a request to slave address ${to}`);
  return request;
}

/** A request to any responder. */
export function decodeForwarded(message: Uint8Array): Request & { to: number } {
  const { to, netFn, lun, sequence, command, data } = decode(message);
  if (netFn & 1) throw new Malformed('a response where a request belongs');
  return { to, netFn, command, ...(lun && { lun }), sequence, data };
}

/** `netFn` is the request's. */
export function encodeResponse({ netFn, command, sequence, completion, data, from = bmcAddress }: Response): Buffer {
  const address = { to: consoleAddress, netFn: netFn | 1, from, sequence, command };
  return encode(address, Buffer.concat([Buffer.of(completion), data]));
}

/**
 * `netFn` in the result is the request's.
 * @param guard what protects the bytes. Inside a session's signature the two checksums are redundant, and some BMCs
 *   compute them wrongly (`nochecksumcheck`: Supermicro X9SCM-iiF, X9DRi-F, X9DRFR), so they are ignored. The
 *   requester address of the response is ignored too: for a bridged request it may be the BMC's (OpenIPMI's
 *   simulator).
 */
export function decodeResponse(message: Uint8Array, guard: 'checksums' | 'signature' = 'checksums'): Response {
  const { to, netFn, sequence, command, data } = decode(message, guard);
  if (guard === 'checksums' && to !== consoleAddress) throw new Malformed(`a response to software id ${to}`);
  if (!(netFn & 1)) throw new Malformed('a request where a response belongs');
  const reader = new ByteReader(data);
  return { netFn: netFn & ~1, command, sequence, completion: reader.u8(), data: reader.rest() };
}

function encode({ to, netFn, lun = 0, from, sequence, command }: Address, data: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headLength + data.length + 1);
  bytes[0] = to;
  bytes[1] = (netFn << 2) | lun;
  bytes[2] = checksum(bytes, 0, 2);
  bytes[3] = from;
  bytes[4] = sequence << 2;
  bytes[5] = command;
  bytes.set(data, headLength);
  bytes[bytes.length - 1] = checksum(bytes, 3, bytes.length - 1);
  return bytes;
}

function decode(message: Uint8Array, guard: 'checksums' | 'signature' = 'checksums'): Address & { data: Buffer } {
  const expect = (index: number, from: number, what: string) => {
    if (guard === 'checksums' && message[index] !== checksum(message, from, index)) throw new Malformed(`a wrong ${what}`);
  };
  const reader = new ByteReader(message);
  if (message.length <= headLength) throw new Malformed(`an IPMI message of ${message.length} bytes`);
  const to = reader.u8();
  const function_ = reader.u8();
  expect(2, 0, 'first checksum');
  reader.u8();
  const from = reader.u8();
  const sequence = reader.u8() >> 2;
  const command = reader.u8();
  const data = reader.bytes(reader.remaining - 1);
  expect(message.length - 1, 3, 'second checksum');
  return { to, netFn: function_ >> 2, lun: function_ & 0x03, from, sequence, command, data };
}

/** The byte that makes the sum of the bytes zero, modulo 256. */
function checksum(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at += 1) sum += bytes[at] as number;
  return -sum & 0xff;
}
