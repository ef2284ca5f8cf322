import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/records.ts';
import { SnmpError } from '#wire/snmp/snmp-error.ts';
import { defaultTimings, longestWait, type SnmpPeer, type SnmpTimings, snmpPort } from '#wire/snmp/snmp-peer.ts';
import type { FaultTable, NodeFacts, PowerInterface, PowerTarget } from '../interfaces.ts';
import { outletOid, type Pdu } from './pdu-table.ts';
import { readSnmpSettings, type SnmpSettings, snmpProperties } from './properties.ts';
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

/** Off, where the PDU does not do it by itself: power supplies hold up a machine that does little for a second or two. */
const pauseSeconds = 5;

/** @param stop ends the pause of a power cycle */
export function createSnmpPower(pdus: SharedPdus, stop: AbortSignal, timings: SnmpTimings = defaultTimings): PowerInterface {
  const asked = <T>(settings: SnmpSettings, command: string, work: () => Promise<T>) =>
    work().catch((error: unknown) => {
      if (!(error instanceof SnmpError)) throw error;
      if (error.failure === 'absent') pdus.forgetFamily(settings.peer);
      throw toFault(error, { settings, command, timings });
    });
  const familyOf = async ({ pdu, peer }: SnmpSettings, signal?: AbortSignal) => pdu ?? (await pdus.family(peer, signal));

  async function send(settings: SnmpSettings, pdu: Pdu, { command, signal }: Sending) {
    const row = pdu[command];
    // Outlets that reboot one after the other would leave a machine with two power cords running.
    if (!row || (command === 'cycle' && settings.outlets.length > 1)) return await cycle(settings, pdu, signal);
    for (const outlet of settings.outlets) {
      const change = { oid: oidOf(row, pdu, outlet), value: row.value };
      await pdus.write(settings.peer, change, { once: command === 'cycle', signal });
    }
  }

  async function cycle(settings: SnmpSettings, pdu: Pdu, signal: AbortSignal | undefined) {
    const either = signal ? AbortSignal.any([stop, signal]) : stop;
    await send(settings, pdu, { command: 'off', signal });
    await delay(pauseSeconds * 1000, undefined, { signal: either }).catch(() => {
      throw either.reason;
    });
    await send(settings, pdu, { command: 'on', signal });
  }

  return {
    properties: snmpProperties,
    targets: Object.keys(commandTable) as PowerTarget[],
    pauseSeconds,
    validate: (node) => void readSnmpSettings(node),
    async getPower(node, { signal } = {}) {
      const settings = readSnmpSettings(node);
      return await asked(settings, 'its state', async () => {
        const pdu = await familyOf(settings, signal);
        const read = (outlet: readonly number[]) => pdus.read(settings.peer, oidOf(pdu.state, pdu, outlet), signal);
        const values = await Promise.all(settings.outlets.map(read));
        // One power cord is enough for a machine to run.
        return values.map((value) => readState(value, pdu, node)).includes('power on') ? 'power on' : 'power off';
      });
    },
    async setPower(node, target, { signal } = {}) {
      const settings = readSnmpSettings(node);
      const command = target in commandTable ? commandTable[target as keyof typeof commandTable] : undefined;
      if (!command) throw new Fault('internal', { detail: `${target} is no command of a PDU` });
      await asked(settings, target, async () => {
        const pdu = await familyOf(settings, signal);
        await send(settings, pdu, { command, signal });
      });
    },
  };
}

type Sending = { readonly command: 'on' | 'off' | 'cycle'; readonly signal: AbortSignal | undefined };

function oidOf(column: Pdu['on'] | Pdu['state'], pdu: Pdu, outlet: readonly number[]): string {
  const oid = outletOid(column, pdu, outlet);
  if (oid === undefined) throw new SnmpError('unfit', `an index that is shorter than ${outlet.join('.')}: it is a ${pdu.title}`);
  return oid;
}

function readState(value: number | string | null, { state }: Pdu, node: NodeFacts): PowerState {
  if (value === null) throw new SnmpError('absent', 'no such object');
  const number = Number(value);
  if (state.on.includes(number)) return 'power on';
  if (state.off.includes(number)) return 'power off';
  // An outlet that is on its way is still as it was known.
  if (state.changing?.includes(number)) return node.power_state ?? 'power off';
  throw new SnmpError('answered', `the state ${value}, which is neither on nor off`);
}

type Asked = { readonly settings: SnmpSettings; readonly command: string; readonly timings: SnmpTimings };

function toFault(error: SnmpError, { settings, command, timings }: Asked): Fault {
  const outlet = settings.outlets.map((numbers) => numbers.join('.')).join(', ');
  const detail =
    error.failure === 'absent' ? `${error.message}: it has no outlet ${outlet}, or is of another family` : error.message;
  return new Fault(faultTable[error.failure] ?? 'internal', {
    device: 'PDU',
    address: spell(settings.peer),
    command: `outlet ${outlet}, ${command}`,
    detail,
    attempts: timings.retries + 1,
    seconds: longestWait(timings),
    what: `${command} of outlet ${outlet}`,
    why: 'Ingot stops',
  });
}

function spell({ address, port }: SnmpPeer): string {
  return port === snmpPort ? address : `${address} (port ${port})`;
}
