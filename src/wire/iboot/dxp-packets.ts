/**
 * The Dataprobe Exchange Protocol (DxP) over TCP, for the relays of iBoot, iBootBar and SurgeX power switches.
 * Sections are from the chapter "DxP Protocol" in SurgeX's manual SX-20NE-RT-AR. Numbers are little-endian.
 *
 * The manual counts relays from 0 and turns one off with state 2. An iBoot G2 does neither: relays count from 1 and
 * off is 0. python-iboot, the library of the classic driver, does the same.
 */
import { ByteReader } from '../bytes/reader.ts';
import { ByteWriter } from '../bytes/writer.ts';

export const dxpPort = 9100;

/** "Hello handshake": the device returns the sequence number (u16) from which the first command continues. */
export const dxpHello = Buffer.from('hello-000', 'ascii');

/** "DxP packet": two texts of 21 bytes; the last byte of each stays 0. */
export const dxpTextLimit = 20;
const textField = 21;

/** "Commands" and "Descriptors" of the class IO. */
const commandClass = { io: 3 } as const;
const ioDescriptor = { changeRelay: 1, getRelays: 4 } as const;

export type DxpHeader = { readonly user: string; readonly password: string; readonly sequence: number };
export type DxpCommand =
  | { readonly name: 'change relay'; readonly relay: number; readonly on: boolean }
  | { readonly name: 'get relays' };

export function encodeCommand({ user, password, sequence }: DxpHeader, command: DxpCommand): Buffer {
  const writer = new ByteWriter().u8(commandClass.io);
  writeText(writer, user);
  writeText(writer, password);
  writer
    .u8(command.name === 'get relays' ? ioDescriptor.getRelays : ioDescriptor.changeRelay)
    .u8(0)
    .u16(sequence);
  if (command.name === 'change relay') writer.u8(command.relay).u8(command.on ? 1 : 0);
  return writer.finish();
}

export function decodeHello(bytes: Uint8Array): number {
  return new ByteReader(bytes).u16();
}

/** Both sides advance the number: a command uses one more than the last packet of either side. */
export function nextSequence(sequence: number): number {
  return (sequence + 1) & 0xffff;
}

function writeText(writer: ByteWriter, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > dxpTextLimit) throw new RangeError(`a text of ${bytes.length} bytes does not fit into ${dxpTextLimit}`);
  writer.bytes(bytes).zeros(textField - bytes.length);
}
