/** Queries to a BMC before a session exists: IPMI 2.0 rev 1.1 sections 13.14 and 22.13 to 22.15. */
import { randomBytes } from 'node:crypto';
import { decode, encode } from '../bytes/fields.ts';
import { type CipherSuite, cipherSuiteTable, decodeCipherSuiteIds } from '../rmcp/cipher-suites.ts';
import { decodeLegacyPacket, encodeLegacyPacket } from '../rmcp/legacy-packet.ts';
import { decodePlainPacket, encodePlainPacket } from '../rmcp/session-packet.ts';
import {
  type ChannelCapabilities,
  getChannelAuthenticationCapabilities,
  getChannelCipherSuites,
  presentChannel,
} from './app-commands.ts';
import { type Command, privilegeLevels } from './command.ts';
import type { Conversation } from './conversation.ts';
import { IpmiError } from './ipmi-error.ts';
import { decodeResponse, encodeRequest } from './message.ts';
import type { Budget } from './timings.ts';

/** Suites to request from this BMC, best first; `doubt`: what its own list says against them. @throws IpmiError */
export async function findCipherSuites(
  conversation: Conversation,
  budget: Budget,
): Promise<{ suites: readonly CipherSuite[]; doubt?: string }> {
  await requireIpmi20(conversation, budget);
  const offered = await listCipherSuites(conversation, budget);
  // Not every BMC supports this outside a session (OpenIPMI's simulator does not): then Open Session decides.
  const common = cipherSuiteTable.filter((suite) => offered?.includes(suite.id));
  // An empty list, or one with neither suite, is ignored: Supermicro X9, Dell iDRAC 6 and HPE iLO 2 accept suite 3.
  if (common.length > 0) return { suites: common };
  return { suites: cipherSuiteTable, ...(offered && { doubt: `it lists cipher suites ${offered.join(', ') || '(none)'}` }) };
}

/** All standard suites fit in seven pages. */
const mostPages = 10;

async function requireIpmi20(conversation: Conversation, budget: Budget): Promise<void> {
  const capabilities = await readCapabilities(conversation, { extended: true, budget });
  if (capabilities?.types.extended && capabilities.versions.ipmi20) return;
  throw unsupported(conversation, 'it does not speak IPMI 2.0 (RMCP+) on this channel');
}

/** @param options `extended`: request the IPMI 2.0 data, which some old BMCs refuse */
export async function readCapabilities(
  conversation: Conversation,
  { extended, budget }: { extended: boolean; budget: Budget },
): Promise<ChannelCapabilities | undefined> {
  const row = getChannelAuthenticationCapabilities;
  const query = { channel: { number: presentChannel, extended }, privilege: { level: privilegeLevels.administrator } };
  const answer = await askOutside(conversation, row, { query, legacy: true, budget });
  return answer.completion === 0 ? decode(row.response, answer.data, row.name) : undefined;
}

async function listCipherSuites(conversation: Conversation, budget: Budget): Promise<number[] | undefined> {
  const records: Buffer[] = [];
  for (let index = 0; index < mostPages; index += 1) {
    const query = { channel: { number: presentChannel }, payloadType: { number: 0 }, list: { index, bySuite: true } };
    try {
      const answer = await askOutside(conversation, getChannelCipherSuites, { query, legacy: false, sends: 1, budget });
      if (answer.completion !== 0) return undefined;
      const page = decode(getChannelCipherSuites.response, answer.data, getChannelCipherSuites.name).records;
      // Firmware that ignores the index returns the same page for ever.
      if (records.at(-1)?.equals(page)) break;
      records.push(page);
      if (page.length < 16) break;
    } catch (error) {
      if (error instanceof IpmiError && error.failure === 'silent') return undefined;
      throw error;
    }
  }
  return decodeCipherSuiteIds(Buffer.concat(records));
}

export type OutsideRequest<Q> = { query: Q; legacy: boolean; sends?: number; budget: Budget };

/** Sends a command outside a session, in the IPMI 1.5 or in the RMCP+ format. */
export function askOutside<Q, R>(
  conversation: Conversation,
  row: Command<Q, R>,
  { query, legacy, ...limits }: OutsideRequest<Q>,
) {
  const sequence = randomBytes(1).readUInt8() & 0x3f;
  const message = encodeRequest({ netFn: row.netFn, command: row.command, sequence, data: encode(row.request, query) });
  const packet = legacy ? encodeLegacyPacket(message) : encodePlainPacket('ipmi', message);
  return conversation.ask({
    ...limits,
    command: row.name,
    packet: () => packet,
    accept: (received) => {
      const answer = decodeResponse(legacy ? decodeLegacyPacket(received) : decodePlainPacket(received).payload);
      const matches = answer.netFn === row.netFn && answer.command === row.command && answer.sequence === sequence;
      return matches ? answer : undefined;
    },
  });
}

export function unfit({ peer }: Conversation, detail: string): IpmiError {
  return new IpmiError('unfit', { peer, command: 'Open Session', detail });
}

export function unsupported({ peer }: Conversation, detail: string): IpmiError {
  return new IpmiError('unsupported', { peer, command: 'Open Session', detail });
}
