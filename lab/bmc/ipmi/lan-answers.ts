import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import * as transport from '#wire/ipmi/transport-commands.ts';
import type { BoardLan } from '../board.ts';
import { answer, checkChannel, Refusal } from './answer.ts';

const getLanParameters = answer(transport.getLanParameters, ({ channel, parameter }, { board }) => {
  checkChannel(channel.number);
  const data = lanParameter(parameter, board.lan);
  if (!data) throw new Refusal(completionCodes.parameterNotSupported);
  return { revision: 0x11, data: channel.revisionOnly ? Buffer.alloc(0) : data };
});

function lanParameter(parameter: number, { address, mask, mac, source }: BoardLan): Buffer | undefined {
  const numbers = transport.lanParameters;
  if (parameter === numbers.setInProgress) return Buffer.of(0);
  if (parameter === numbers.address) return octets(address);
  if (parameter === numbers.addressSource) return Buffer.of(source === 'dhcp' ? 2 : 1);
  if (parameter === numbers.mac) return Buffer.from(mac.replaceAll(':', ''), 'hex');
  if (parameter === numbers.subnetMask) return octets(mask);
  return undefined;
}

function octets(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

export const lanAnswers = [getLanParameters];
