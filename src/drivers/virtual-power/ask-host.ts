import { Fault } from '#domain/faults.ts';
import { SshError } from '#tools/ssh-error.ts';
import type { SshTarget } from '#tools/ssh-files.ts';
import { keyOf, type SshPool } from '#tools/ssh-pool.ts';
import type { FaultTable, NodeFacts } from '../interfaces.ts';
import { commandLine, type Hypervisor, hypervisorTable } from './hypervisors.ts';
import { readVirtualPowerSettings, type VirtualPowerDefaults } from './properties.ts';

/** A hypervisor's host; a request is the arguments of one or more calls of the hypervisor's program. */
export type Host = {
  readonly hypervisor: Hypervisor;
  /** Identical for all nodes of one hypervisor and user. */
  readonly key: string;
  /** For messages. */
  readonly address: string;
  readonly uri: string;
  /** Returns standard output. Throws `HostRefusal` if the exit status of the last call is not 0. */
  ask(calls: readonly (readonly string[])[], signal?: AbortSignal): Promise<string>;
  fault(code: HostFault, command: string, detail: string): Fault;
};

export type HostFault = 'bmcError' | 'bmcUnsupported' | 'bmcMalformedReply';

/** The program ran and failed. */
export class HostRefusal extends Error {
  override name = 'HostRefusal';
  readonly fault: Fault;
  readonly errors: string;

  constructor(fault: Fault, errors: string) {
    super(fault.message);
    this.fault = fault;
    this.errors = errors;
  }
}

const faultTable: FaultTable = {
  unreachable: 'bmcUnreachable',
  slow: 'bmcUnreachable',
  refused: 'bmcRefused',
  untrusted: 'bmcUntrusted',
  unusable: 'driverInfo',
  closed: 'interrupted',
};

/** Name of the device in faults. */
const device = 'hypervisor host';

const notFoundStatus = 127;

export function hostOf(pool: SshPool, node: NodeFacts, defaults: VirtualPowerDefaults): Host {
  const { target, type, uri } = readVirtualPowerSettings(node, defaults);
  const hypervisor: Hypervisor = hypervisorTable[type];
  const program = ['env', 'LC_ALL=C', ...hypervisor.program(uri)];
  const address = formatPeer(target);
  const fault = (code: HostFault, command: string, detail: string) => new Fault(code, { device, address, command, detail });
  return {
    hypervisor,
    key: `${keyOf(target)} ${type} ${uri}`,
    address,
    uri,
    fault,
    async ask(calls, signal) {
      const line = calls.map((words) => commandLine([...program, ...words])).join('; ');
      const name = `${hypervisor.program(uri)[0]} ${calls.at(-1)?.[0]}`;
      try {
        const { status, output, errors } = await pool.run(target, line, signal);
        if (status === 0) return output;
        const isMissing = status === notFoundStatus;
        const detail = isMissing ? 'the program is not installed' : readDetail(errors) || `exit status ${status}`;
        throw new HostRefusal(fault(isMissing ? 'bmcUnsupported' : 'bmcError', name, detail), errors);
      } catch (error) {
        throw error instanceof SshError ? toFault(error, node, address) : error;
      }
    },
  };
}

function formatPeer({ host, port }: SshTarget): string {
  return port === 22 ? host : `${host} (port ${port})`;
}

function readDetail(errors: string): string {
  const lines = errors.split(/\r?\n/).map((line) => line.replace(/^(?:VBoxManage: )?error: /, '').trim());
  return lines
    .filter((line) => line !== '' && !/^(?:Details|Context): /.test(line))
    .join(', ')
    .slice(0, 300);
}

function toFault({ failure, message, seconds }: SshError, node: NodeFacts, address: string): Fault {
  const fields = { device, address, detail: message, seconds, attempts: 1, node: node.name ?? node.uuid };
  return new Fault(faultTable[failure] ?? 'internal', { ...fields, what: 'A command to the hypervisor', why: message }, message);
}
