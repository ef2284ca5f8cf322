import { Fault } from '#domain/faults.ts';
import type { IpmiClientPool } from '#wire/ipmi/client-pool.ts';
import type { Command } from '#wire/ipmi/command.ts';
import { notReadyCodes } from '#wire/ipmi/completion-codes.ts';
import { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { rmcpPort } from '#wire/rmcp/rmcp-header.ts';
import type { Peer } from '#wire/udp/datagrams.ts';
import type { CallOptions, FaultTable, NodeFacts } from '../interfaces.ts';
import { readIpmiSettings } from './properties.ts';

/** Sends one command to a node's BMC. @throws Fault, or the reason of the signal's abort */
export type AskBmc = <Q, R>(node: NodeFacts, row: Command<Q, R>, fields: Q, callOptions?: CallOptions) => Promise<R>;

const faultTable: FaultTable = {
  silent: 'bmcUnreachable',
  refused: 'bmcRefused',
  completion: 'bmcError',
  unfit: 'bmcError',
  closed: 'interrupted',
};

export function createAskBmc(pool: IpmiClientPool): AskBmc {
  return async (node, row, fields, callOptions) => {
    try {
      const { bridge, ...settings } = readIpmiSettings(node);
      return await pool.client(settings).request(row, fields, { ...callOptions, bridge });
    } catch (error) {
      throw toFault(error);
    }
  };
}

/** Converts a protocol failure into a fault; other errors stay as they are. */
export function toFault(error: unknown): unknown {
  if (!(error instanceof IpmiError)) return error;
  const { peer, command, detail, attempts, seconds, completion } = error;
  const isNotReady = completion !== undefined && notReadyCodes.includes(completion);
  const code = isNotReady ? 'bmcNotReady' : (faultTable[error.failure] ?? 'internal');
  const fields = { address: formatPeer(peer), command, detail, attempts, seconds, what: command, why: detail };
  return new Fault(code, { ...fields, ...(completion !== undefined && { completion }) }, error.message);
}

function formatPeer({ address, port }: Peer): string {
  return port === rmcpPort ? address : `${address} (port ${port})`;
}
