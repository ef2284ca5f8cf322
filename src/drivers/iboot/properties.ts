import { dxpPort, dxpTextLimit } from '#wire/iboot/dxp-packets.ts';
import { isHost, readDriverInfo } from '../driver-info.ts';
import type { NodeFacts, Properties } from '../interfaces.ts';

export const ibootProperties: Properties = {
  iboot_address: { help: 'Address of the iBoot: HOST, or as the classic driver wrote it HOST[:PORT][,RELAY].', required: true },
  iboot_username: { help: `User name, at most ${dxpTextLimit} bytes.`, default: '' },
  iboot_password: { help: `Password, at most ${dxpTextLimit} bytes.`, secret: true, default: '' },
  iboot_relay_id: { help: 'Relay (outlet) that feeds the machine, counted from 1.', default: '1' },
  iboot_port: { help: 'TCP port of the DxP protocol.', default: String(dxpPort) },
};

export type IbootSettings = {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly relay: number;
};

/** The relay is one byte on the wire; the largest device has 32. */
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
  const number = (key: string, inAddress: string | undefined, range: { max: number; default: number }) => {
    if (inAddress === undefined) return info.whole(key, { min: 1, ...range });
    const value = Number(inAddress);
    if (value < 1 || value > range.max) throw info.wrong(`iboot_address: ${inAddress} is not from 1 to ${range.max}`);
    if (info.whole(key, { min: 1, max: range.max, default: value }) === value) return value;
    throw info.wrong(`iboot_address and ${key} name different numbers`);
  };
  return {
    address,
    port: number('iboot_port', port, { max: 65_535, default: dxpPort }),
    user: limited('iboot_username'),
    password: limited('iboot_password'),
    relay: number('iboot_relay_id', relay, { max: relayMax, default: 1 }),
  };
}

/** `pm_address` of the classic driver: HOST[:PORT][,RELAY]; an IPv6 address with a port stands in brackets. */
const classicAddress =
  /^(?:\[([^\]]+)\]|([^:,[\]]+|[0-9a-fA-F:.%]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*))(?::(\d{1,5}))?(?:,(\d{1,3}))?$/;
