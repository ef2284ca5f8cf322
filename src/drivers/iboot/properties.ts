import { dxpPort, dxpTextLimit } from '#wire/iboot/dxp-packets.ts';
import { type DriverInfo, isHost, readDriverInfo, spellHost } from '../driver-info.ts';
import type { Endpoint, NodeFacts, Properties } from '../interfaces.ts';

export const ibootProperties: Properties = {
  iboot_address: {
    help: 'Address of the iBoot: HOST, or as the classic driver wrote it HOST[:PORT][,RELAY]; several relays with commas.',
    required: true,
  },
  iboot_username: { help: `User name, at most ${dxpTextLimit} bytes.`, default: '' },
  iboot_password: { help: `Password, at most ${dxpTextLimit} bytes.`, secret: true, default: '' },
  iboot_relay_id: {
    help: 'Relay (outlet) that feeds the machine, counted from 1; several with commas, for a machine with several power cords.',
    default: '1',
  },
  iboot_port: { help: 'TCP port of the DxP protocol.', default: String(dxpPort) },
};

export type IbootSettings = {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** At least one. */
  readonly relays: readonly number[];
};

/** The relay number is one byte on the wire; the largest device has 32. */
const relayMax = 32;

/** @throws Fault `driverInfo` */
export function readIbootSettings(node: NodeFacts): IbootSettings {
  const info = readDriverInfo(node);
  const [, bracketed, plain, port, relay] = classicAddress.exec(info.required('iboot_address')) ?? [];
  const address = bracketed ?? plain ?? '';
  if (!isHost(address)) throw info.wrong('iboot_address must be HOST[:PORT][,RELAY]');
  const limited = (key: string) => {
    const value = info.text(key);
    if (Buffer.byteLength(value) <= dxpTextLimit) return value;
    throw info.wrong(`${key} is longer than the ${dxpTextLimit} bytes that the protocol has room for`);
  };
  const numbers = (key: string, inAddress: string | undefined, range: { max: number; default: number }) => {
    const read = (text: string, place: string) => readNumbers(info, text, { place, max: range.max });
    const named = info.text(key) === '' ? undefined : read(info.text(key), key);
    const addressed = inAddress === undefined ? undefined : read(inAddress, 'iboot_address');
    if (named && addressed && named.join() !== addressed.join())
      throw info.wrong(`iboot_address and ${key} name different numbers`);
    return addressed ?? named ?? [range.default];
  };
  const [portNumber = dxpPort, ...more] = numbers('iboot_port', port, { max: 65_535, default: dxpPort });
  if (more.length > 0) throw info.wrong('iboot_port must be one number');
  return {
    address,
    port: portNumber,
    user: limited('iboot_username'),
    password: limited('iboot_password'),
    relays: numbers('iboot_relay_id', relay, { max: relayMax, default: 1 }),
  };
}

export function ibootEndpoints(node: NodeFacts): readonly Endpoint[] {
  const { address, port, relays } = readIbootSettings(node);
  return relays.map((relay) => ({ address: `iboot ${spellHost(address)}:${port}`, part: `relay ${relay}` }));
}

function readNumbers(info: DriverInfo, text: string, { place, max }: { place: string; max: number }): number[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names)
    if (!/^\d{1,5}$/.test(name) || Number(name) < 1 || Number(name) > max)
      throw info.wrong(`${place}: ${name} is not from 1 to ${max}`);
  const numbers = names.map(Number);
  if (new Set(numbers).size < numbers.length) throw info.wrong(`${place} names a number twice`);
  return numbers;
}

/** `pm_address` of the classic driver: HOST[:PORT][,RELAY]; an IPv6 address with a port needs brackets. */
const classicAddress =
  /^(?:\[([^\]]+)\]|([^:,[\]]+|[0-9a-fA-F:.%]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*))(?::(\d{1,5}))?(?:,(\d{1,3}(?:,\d{1,3})*))?$/;
