import { pause } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import { SnmpError } from '#wire/snmp/snmp-error.ts';
import { defaultTimings, longestWait, type SnmpPeer, type SnmpTimings, snmpPort } from '#wire/snmp/snmp-peer.ts';
import type { FaultTable, NodeFacts, PowerInterface, PowerTarget } from '../interfaces.ts';
import { eachCord, stateByCords } from '../power-cords.ts';
import { outletOid, type Pdu } from './pdu.ts';
import { readSnmpSettings, type SnmpSettings, snmpEndpoints, snmpProperties } from './properties.ts';
import type { SharedPdus } from './shared-pdus.ts';

const faultTable: FaultTable = {
  silent: 'bmcUnreachable',
  refused: 'bmcRefused',
  answered: 'bmcError',
  absent: 'bmcError',
  unfit: 'bmcError',
  closed: 'interrupted',
};

const commandTable = { 'power on': 'on', 'power off': 'off', 'power cycle': 'cycle' } as const;

/** Pause of a power cycle that the PDU does not do itself: power supplies keep an idle machine running for 1 or 2 s. */
const pauseSeconds = 5;

/** @param stop aborts the pause of a power cycle */
export function createSnmpPower(pdus: SharedPdus, stop: AbortSignal, timings: SnmpTimings = defaultTimings): PowerInterface {
  const asked = <T>(settings: SnmpSettings, command: string, work: (outlet: readonly number[]) => Promise<T>) =>
    settings.outlets.map((outlet) =>
      work(outlet).catch((error: unknown) => {
        if (!(error instanceof SnmpError)) throw error;
        if (error.failure === 'absent') pdus.forgetFamily(settings.peer);
        throw toFault(error, { settings, outlet, command, timings });
      }),
    );
  const familyOf = async ({ pdu, peer }: SnmpSettings, outlet: readonly number[], signal?: AbortSignal) =>
    await pdus.family(peer, { named: pdu, outlet, signal });

  /** Tries every outlet, so that one unreachable PDU does not prevent switching the others. */
  async function switchAll(machine: readonly SnmpSettings[], target: Target, signal: AbortSignal | undefined) {
    const command = commandTable[target];
    const switchOne = async (settings: SnmpSettings, outlet: readonly number[]) => {
      const pdu = await familyOf(settings, outlet, signal);
      const row = pdu[command];
      if (!row) return false;
      await pdus.write(settings.peer, { oid: oidOf(row, pdu, outlet), value: row.value }, { once: command === 'cycle', signal });
      return true;
    };
    const done = machine.flatMap((settings) => asked(settings, target, (outlet) => switchOne(settings, outlet)));
    return (await eachCord(done)).every(Boolean);
  }

  async function cycle(machine: readonly SnmpSettings[], signal: AbortSignal | undefined) {
    // Outlets that reboot one after the other would keep a machine with two power cords running.
    if (machine.flatMap(({ outlets }) => outlets).length === 1 && (await switchAll(machine, 'power cycle', signal))) return;
    const either = signal ? AbortSignal.any([stop, signal]) : stop;
    await switchAll(machine, 'power off', signal);
    await pause(pauseSeconds * 1000, either).catch(() => {
      signal?.throwIfAborted();
      throw new Fault('interrupted', { what: 'power cycle', why: 'Ingot stops' });
    });
    await switchAll(machine, 'power on', signal);
  }

  return {
    properties: snmpProperties,
    targets: Object.keys(commandTable) as PowerTarget[],
    pauseSeconds,
    validate: (node) => void readSnmpSettings(node),
    endpoints: snmpEndpoints,
    async getPower(node, callOptions = {}) {
      const { signal } = callOptions;
      const machine = readSnmpSettings(node);
      const stateOf = async (settings: SnmpSettings, outlet: readonly number[]) => {
        const pdu = await familyOf(settings, outlet, signal);
        return readState(await pdus.read(settings.peer, oidOf(pdu.state, pdu, outlet), signal), pdu, node);
      };
      const cords = machine.flatMap((settings) => {
        const states = asked(settings, 'its state', (outlet) => stateOf(settings, outlet));
        return states.map((state, at) => ({ name: formatOutlet(settings, settings.outlets[at] ?? []), state }));
      });
      return await stateByCords(cords, callOptions);
    },
    async setPower(node, target, { signal } = {}) {
      const machine = readSnmpSettings(node);
      if (!(target in commandTable)) throw new Fault('internal', { detail: `${target} is no command of a PDU` });
      if (target === 'power cycle') return await cycle(machine, signal);
      await switchAll(machine, target as Target, signal);
    },
  };
}

type Target = keyof typeof commandTable;

function oidOf(column: Pdu['on'] | Pdu['state'], pdu: Pdu, outlet: readonly number[]): string {
  const oid = outletOid(column, pdu, outlet);
  if (oid === undefined) throw new SnmpError('unfit', `an index that is shorter than ${outlet.join('.')}: it is a ${pdu.title}`);
  return oid;
}

function readState(value: number | string | null, { state }: Pdu, node: NodeFacts): PowerState {
  if (value === null) throw new SnmpError('absent', 'no such object');
  const number = Number(value);
  if (state.absent?.includes(number)) throw new SnmpError('absent', `the state ${value}`);
  if (state.on.includes(number)) return 'power on';
  if (state.off.includes(number)) return 'power off';
  // An outlet in transition keeps its last known state.
  if (state.changing?.includes(number)) return node.power_state ?? 'power off';
  throw new SnmpError('answered', `the state ${value}, which is neither on nor off`);
}

type Asked = {
  readonly settings: SnmpSettings;
  readonly outlet: readonly number[];
  readonly command: string;
  readonly timings: SnmpTimings;
};

function toFault(error: SnmpError, { settings, outlet: index, command, timings }: Asked): Fault {
  const outlet = index.join('.');
  const detail =
    error.failure === 'absent' ? `${error.message}: it has no outlet ${outlet}, or is of another family` : error.message;
  return new Fault(faultTable[error.failure] ?? 'internal', {
    device: 'PDU',
    address: formatPeer(settings.peer),
    command: `outlet ${outlet}, ${command}`,
    detail,
    attempts: timings.retries + 1,
    seconds: longestWait(timings),
    what: `${command} of outlet ${outlet}`,
    why: 'Ingot stops',
  });
}

function formatOutlet({ peer }: SnmpSettings, outlet: readonly number[]): string {
  return `outlet ${outlet.join('.')} of the PDU at ${formatPeer(peer)}`;
}

function formatPeer({ address, port }: SnmpPeer): string {
  return port === snmpPort ? address : `${address} (port ${port})`;
}
