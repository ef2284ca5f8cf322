import { Fault } from '#domain/faults.ts';
import type { IpmiClientPool } from '#wire/ipmi/client-pool.ts';
import type { Command } from '#wire/ipmi/command.ts';
import { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { rmcpPort } from '#wire/rmcp/rmcp-header.ts';
import type { Peer } from '#wire/udp/datagrams.ts';
import type { FaultTable, NodeFacts } from '../interfaces.ts';
import { readIpmiSettings } from './properties.ts';

/** One command to one BMC and how it ended, for the record of what happened to a machine. */
export type BmcReport = {
  readonly node_uuid: string;
  /** `Chassis Control power up`. */
  readonly command: string;
  readonly duration_ms: number;
  /** `ok`, or the fault's text. */
  readonly result: string;
};

export type AskBmc = <Q, R>(node: NodeFacts, row: Command<Q, R>, fields: Q) => Promise<R>;

const faultTable: FaultTable = {
  silent: 'bmcUnreachable',
  refused: 'bmcRefused',
  completion: 'bmcError',
  unfit: 'bmcError',
  closed: 'interrupted',
};

export function createAskBmc(pool: IpmiClientPool, report?: (report: BmcReport) => void): AskBmc {
  return async (node, row, fields) => {
    const settings = readIpmiSettings(node);
    const startedAt = performance.now();
    const ended = (result: string) =>
      report?.({
        node_uuid: node.uuid,
        command: [row.name, ...wordsOf(fields)].join(' '),
        duration_ms: Math.round(performance.now() - startedAt),
        result,
      });
    try {
      const answer = await pool.client(settings).request(row, fields);
      ended('ok');
      return answer;
    } catch (error) {
      const fault = error instanceof IpmiError ? toFault(error) : error;
      ended(fault instanceof Error ? fault.message : String(fault));
      throw fault;
    }
  };
}

function toFault(error: IpmiError): Fault {
  const { peer, command, detail, attempts, seconds } = error;
  const code = faultTable[error.failure] ?? 'internal';
  const why = 'the connection to the BMC was closed';
  return new Fault(code, { address: spell(peer), command, detail, attempts, seconds, what: command, why }, error.message);
}

function spell({ address, port }: Peer): string {
  return port === rmcpPort ? address : `${address} (port ${port})`;
}

/** What a request says in words, e.g. the chassis action. */
function wordsOf(fields: unknown): string[] {
  return Object.values(fields as object).filter((value) => typeof value === 'string');
}
