import { Fault, type FaultCode } from '#domain/faults.ts';
import type { IpmiClientPool } from '#wire/ipmi/client-pool.ts';
import type { Command } from '#wire/ipmi/command.ts';
import { completionCodes, notReadyCodes } from '#wire/ipmi/completion-codes.ts';
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
  privilege: 'bmcInsufficientPrivilege',
  completion: 'bmcError',
  unsupported: 'bmcUnsupported',
  unfit: 'bmcMalformedReply',
  disconnected: 'bmcConnectionClosed',
  limit: 'limitReached',
  closed: 'interrupted',
};

/** Completion codes with a meaning beyond "failed". */
const completionTable = new Map<number, FaultCode>([
  ...notReadyCodes.map((code): [number, FaultCode] => [code, 'bmcNotReady']),
  [completionCodes.invalidCommand, 'bmcUnsupported'],
  [completionCodes.invalidForUnit, 'bmcUnsupported'],
  [completionCodes.insufficientPrivilege, 'bmcInsufficientPrivilege'],
]);

export function createAskBmc(pool: IpmiClientPool): AskBmc {
  return async (node, row, fields, callOptions) => {
    try {
      const { bridge, ...settings } = readIpmiSettings(node);
      return await pool.client(settings).request(row, fields, { ...callOptions, bridge });
    } catch (error) {
      throw toFault(error, pool);
    }
  };
}

/**
 * Converts a protocol failure into a fault; other errors stay as they are.
 * @param pool if it is still open, a closed client was replaced by one with other credentials
 */
export function toFault(error: unknown, pool: Pick<IpmiClientPool, 'isClosed'> = { isClosed: true }): unknown {
  if (!(error instanceof IpmiError)) return error;
  const { peer, command, detail, attempts, seconds, completion } = error;
  const said = error.failure === 'completion' && completion !== undefined ? completionTable.get(completion) : undefined;
  const isReplaced = error.failure === 'closed' && !pool.isClosed;
  const code = isReplaced ? 'driverInfoChanged' : (said ?? faultTable[error.failure] ?? 'internal');
  const why = 'Ingot is stopping';
  const fields = { address: formatPeer(peer), command, detail, attempts, seconds, what: command, why, setting: 'ipmi.sessions' };
  return new Fault(code, { ...fields, ...(completion !== undefined && { completion }) }, error.message);
}

function formatPeer({ address, port }: Peer): string {
  return port === rmcpPort ? address : `${address} (port ${port})`;
}
