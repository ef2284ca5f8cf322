import { pause } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import { SnmpError, type SnmpFailure } from '#wire/snmp/snmp-error.ts';
import { defaultTimings, longestWait, type SnmpPeer, type SnmpTimings, snmpPort } from '#wire/snmp/snmp-peer.ts';
import type { CallOptions, FaultTable, NodeFacts, PowerInterface, PowerTarget } from '../interfaces.ts';
import { eachCord, stateByCords } from '../power-cords.ts';
import { outletOid, type Pdu } from './pdu.ts';
import { readSnmpSettings, type SnmpSettings, snmpEndpoints, snmpProperties } from './properties.ts';
import type { SharedPdus } from './shared-pdus.ts';

const faultTable: FaultTable = {
  silent: 'bmcUnreachable',
  refused: 'bmcRefused',
  privilege: 'bmcInsufficientPrivilege',
  answered: 'bmcError',
  absent: 'bmcUnsupported',
  unknown: 'driverInfo',
  unfit: 'bmcMalformedReply',
  closed: 'interrupted',
};

const commandTable = { 'power on': 'on', 'power off': 'off', 'power cycle': 'cycle' } as const;
type Target = keyof typeof commandTable;

/** Pause of a power cycle that the PDU does not do itself: power supplies keep an idle machine running for 1 or 2 s. */
const pauseSeconds = 5;

type Context = { readonly pdus: SharedPdus; readonly stop: AbortSignal; readonly timings: SnmpTimings };

/** The outlets of one node: those of one or more PDUs. */
type Outlets = { readonly node: NodeFacts; readonly settings: readonly SnmpSettings[] };

/** @param stop aborts the pause of a power cycle */
export function createSnmpPower(pdus: SharedPdus, stop: AbortSignal, timings: SnmpTimings = defaultTimings): PowerInterface {
  const context: Context = { pdus, stop, timings };
  return {
    properties: snmpProperties,
    targets: Object.keys(commandTable) as PowerTarget[],
    pauseSeconds,
    validate: (node) => void readSnmpSettings(node),
    endpoints: snmpEndpoints,
    getPower: (node, callOptions = {}) => readPower(context, outletsOf(node), callOptions),
    async setPower(node, target, { signal } = {}) {
      if (!(target in commandTable)) throw new Fault('internal', { detail: `${target} is no command of a PDU` });
      if (target === 'power cycle') await cycle(context, outletsOf(node), signal);
      else await switchAll(context, outletsOf(node), { target: target as Target, signal });
    },
  };
}

function outletsOf(node: NodeFacts): Outlets {
  return { node, settings: readSnmpSettings(node) };
}

async function readPower(context: Context, outlets: Outlets, callOptions: CallOptions): Promise<PowerState> {
  const { signal } = callOptions;
  const cords = eachOutlet(context, outlets, {
    command: 'its state',
    work: async (settings, outlet) => {
      const pdu = await familyOf(context, settings, { outlet, signal });
      return readState(await context.pdus.read(settings.peer, oidOf(pdu.state, pdu, outlet), signal), pdu, outlets.node);
    },
  });
  return await stateByCords(
    cords.map(({ name, done }) => ({ name, state: done })),
    callOptions,
  );
}

type Switching = { readonly target: Target; readonly signal: AbortSignal | undefined };

/**
 * Tries every outlet, so that one unreachable PDU does not prevent switching the others.
 * @returns whether the PDUs have the command
 */
async function switchAll(context: Context, outlets: Outlets, { target, signal }: Switching): Promise<boolean> {
  const command = commandTable[target];
  const cords = eachOutlet(context, outlets, {
    command: target,
    work: async (settings, outlet) => {
      const pdu = await familyOf(context, settings, { outlet, signal });
      const row = pdu[command];
      if (!row) return false;
      const object = { oid: oidOf(row, pdu, outlet), value: row.value };
      await context.pdus.write(settings.peer, object, { once: command === 'cycle', signal });
      return true;
    },
  });
  return (await eachCord(cords.map(({ done }) => done))).every(Boolean);
}

async function cycle(context: Context, outlets: Outlets, signal: AbortSignal | undefined): Promise<void> {
  // Outlets that reboot one after the other would keep a machine with two power cords running.
  const hasOneCord = outlets.settings.flatMap((settings) => settings.outlets).length === 1;
  if (hasOneCord && (await switchAll(context, outlets, { target: 'power cycle', signal }))) return;
  await switchAll(context, outlets, { target: 'power off', signal });
  await pause(pauseSeconds * 1000, signal ? AbortSignal.any([context.stop, signal]) : context.stop).catch(() => {
    signal?.throwIfAborted();
    throw new Fault('interrupted', { what: 'The power cycle', why: 'Ingot is stopping' });
  });
  await switchAll(context, outlets, { target: 'power on', signal });
}

type OutletWork<T> = {
  /** For messages. */
  readonly command: string;
  work(settings: SnmpSettings, outlet: readonly number[]): Promise<T>;
};

/** Runs the work for all outlets at once, and converts its SnmpErrors to faults. */
function eachOutlet<T>({ pdus, timings }: Context, { node, settings: all }: Outlets, { command, work }: OutletWork<T>) {
  return all.flatMap((settings) =>
    settings.outlets.map((outlet) => ({
      name: formatOutlet(settings, outlet),
      done: work(settings, outlet).catch((error: unknown) => {
        if (!(error instanceof SnmpError)) throw error;
        if (error.failure === 'absent') pdus.forgetFamily(settings.peer);
        throw toFault(error, { node, settings, outlet, command, timings });
      }),
    })),
  );
}

type FamilyQuestion = { readonly outlet: readonly number[]; readonly signal: AbortSignal | undefined };

function familyOf({ pdus }: Context, { pdu, peer }: SnmpSettings, { outlet, signal }: FamilyQuestion): Promise<Pdu> {
  return pdus.family(peer, { named: pdu, outlet, signal });
}

function oidOf(column: Pdu['on'] | Pdu['state'], pdu: Pdu, outlet: readonly number[]): string {
  const oid = outletOid(column, pdu, outlet);
  if (oid === undefined)
    throw new SnmpError('unknown', `an index that is shorter than ${outlet.join('.')}: it is a ${pdu.title}`);
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
  throw new SnmpError('unfit', `the state ${value}, which is neither on nor off`);
}

type Asked = {
  readonly node: NodeFacts;
  readonly settings: SnmpSettings;
  readonly outlet: readonly number[];
  readonly command: string;
  readonly timings: SnmpTimings;
};

function toFault(error: SnmpError, { node, settings, outlet: index, command, timings }: Asked): Fault {
  const outlet = index.join('.');
  const pdu = formatPeer(settings.peer);
  const detailTable: Partial<Record<SnmpFailure, string>> = {
    absent: `${error.message}: it has no outlet ${outlet}, or is of another family`,
    unknown: `the PDU at ${pdu} has ${error.message}`,
  };
  return new Fault(faultTable[error.failure] ?? 'internal', {
    device: 'PDU',
    address: pdu,
    node: node.name ?? node.uuid,
    command: `outlet ${outlet}, ${command}`,
    detail: detailTable[error.failure] ?? error.message,
    attempts: timings.retries + 1,
    seconds: longestWait(timings),
    what: `${command} of outlet ${outlet}`,
    why: 'Ingot is stopping',
  });
}

function formatOutlet({ peer }: SnmpSettings, outlet: readonly number[]): string {
  return `outlet ${outlet.join('.')} of the PDU at ${formatPeer(peer)}`;
}

function formatPeer({ address, port }: SnmpPeer): string {
  return port === snmpPort ? address : `${address} (port ${port})`;
}
