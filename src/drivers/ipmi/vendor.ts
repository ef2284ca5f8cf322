/** IPMI features outside the interfaces, named as in Ironic: raw commands and BMC resets. */
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { isHarmlessRead, rawCommand } from '#wire/ipmi/raw-command.ts';
import type { VendorInterface, VendorMethod } from '../interfaces.ts';
import type { AskBmc } from './ask-bmc.ts';
import { askNode } from './ask-node.ts';
import { changeLan, lanSettingNames } from './lan-settings.ts';
import { ipmiProperties, readIpmiSettings } from './properties.ts';
import { resetBmc } from './reset-bmc.ts';
import type { IpmiSettings } from './settings.ts';

/** The setting `ipmi.raw_commands`: which raw commands are allowed. */
export type RawPolicy = IpmiSettings['ipmi.raw_commands'];

/** Maximum data length of a LAN message, IPMI 2.0 rev 1.1 section 13.8. */
const mostBytes = 240;

export function createIpmiVendor(ask: AskBmc, policy: RawPolicy): VendorInterface {
  const sendRaw: VendorMethod = {
    help: 'Sends raw_bytes="0x06 0x01": network function, command, data. The setting ipmi.raw_commands must allow it.',
    http: ['POST'],
    async run(node, parameters, callOptions) {
      const { raw_bytes } = checkNames(parameters, ['raw_bytes']);
      const [netFn, command, ...data] = readBytes(raw_bytes) as [number, number, ...number[]];
      requirePolicy(policy, netFn, command);
      const response = await ask(node, rawCommand({ netFn, command }), Buffer.from(data), callOptions);
      return { command: formatBytes([netFn, command, ...data]), response: formatBytes([...response]) };
    },
  };
  const bmcReset: VendorMethod = {
    help: 'Restarts the BMC, not the machine; warm=false for a cold one. It answers nothing for a minute or so.',
    http: ['POST'],
    async run(node, parameters, callOptions) {
      const { warm = true } = checkNames(parameters, ['warm']);
      const word = typeof warm === 'object' ? '' : String(warm).toLowerCase();
      if (word !== 'true' && word !== 'false') throw wrong('warm must be true or false');
      const kind = word === 'true' ? 'warm' : 'cold';
      await resetBmc(ask, node, { ...callOptions, kind });
      return { reset: kind };
    },
  };
  const setLan: VendorMethod = {
    help: `Sets the BMC's ${lanSettingNames.join(', ')}, those that are given, and reads them back. The setting ipmi.raw_commands must be 'all'.`,
    http: ['POST'],
    async run(node, parameters, callOptions) {
      checkNames(parameters, lanSettingNames);
      if (policy !== 'all') {
        const detail = `LAN settings were not changed: that needs the setting ipmi.raw_commands to be 'all' (it is '${policy}').`;
        throw new Fault('forbidden', { detail });
      }
      return { ...(await changeLan(askNode(ask, node, callOptions), parameters)) };
    },
  };
  return {
    properties: ipmiProperties,
    validate: (node) => void readIpmiSettings(node),
    methods: { send_raw: sendRaw, bmc_reset: bmcReset, set_lan: setLan },
  };
}

function checkNames(parameters: JsonObject, names: readonly string[]): JsonObject {
  const unknown = Object.keys(parameters).find((name) => !names.includes(name));
  if (unknown !== undefined) throw wrong(`'${unknown}' is no parameter here; there is ${names.join(', ')}`);
  return parameters;
}

/** Number format of ipmitool: hexadecimal with 0x, or decimal. */
function readBytes(text: unknown): number[] {
  if (typeof text !== 'string' || text.trim() === '') throw wrong('raw_bytes is missing: text like "0x06 0x01"');
  const bytes = text.trim().split(/\s+/).map(readByte);
  if (bytes.length < 2) throw wrong('raw_bytes needs a network function and a command');
  if (bytes.length > mostBytes) throw wrong(`raw_bytes has more than ${mostBytes} bytes`);
  const [netFn = 0] = bytes;
  if (netFn > 0x3e || netFn % 2 === 1)
    throw wrong(`${formatBytes([netFn])} is no network function of a request (even, at most 0x3e)`);
  return bytes;
}

function readByte(word: string): number {
  const byte = /^(0x[0-9a-f]{1,2}|\d{1,3})$/i.test(word) ? Number(word) : Number.NaN;
  if (!(byte <= 255)) throw wrong(`'${word.slice(0, 20)}' in raw_bytes is no byte like 0x1f`);
  return byte;
}

function requirePolicy(policy: RawPolicy, netFn: number, command: number): void {
  if (policy === 'all' || (policy === 'read' && isHarmlessRead(netFn, command))) return;
  const why = policy === 'read' ? 'only commands that are known to change nothing are allowed' : 'raw commands are not allowed';
  const detail = `Raw command ${formatBytes([netFn, command])} was not sent: ${why} (setting ipmi.raw_commands is '${policy}').`;
  throw new Fault('forbidden', { detail });
}

function wrong(detail: string): Fault {
  return new Fault('badRequest', { detail });
}

function formatBytes(bytes: readonly number[]): string {
  return bytes.map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(' ');
}
