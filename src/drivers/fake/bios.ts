import { Fault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import { typedValue } from '../bios-values.ts';
import type { BiosInterface, BiosSetting } from '../interfaces.ts';
import { fakeProperties } from './behaviour.ts';
import type { FakeBmc } from './fake-bmc.ts';

type Row = Omit<BiosSetting, 'pending'>;

/** The settings of this firmware, with their factory defaults. */
const settingTable: readonly Row[] = [
  { name: 'BootMode', type: 'Enumeration', value: 'Uefi', allowable_values: ['Bios', 'Uefi'], reset_required: true },
  {
    name: 'ProcVirtualization',
    type: 'Enumeration',
    value: 'Enabled',
    allowable_values: ['Enabled', 'Disabled'],
    reset_required: true,
  },
  { name: 'ProcHyperthreading', type: 'Boolean', value: true, reset_required: true },
  { name: 'BootRetryCount', type: 'Integer', value: 3, lower_bound: 0, upper_bound: 10, reset_required: true },
  { name: 'AssetTag', type: 'String', value: '', min_length: 0, max_length: 32, reset_required: false },
  { name: 'AdminPassword', type: 'Password', value: null, min_length: 0, max_length: 20, reset_required: true },
  { name: 'SystemBiosVersion', type: 'String', value: '2.1.0', read_only: true },
];

export function createFakeBios(bmc: FakeBmc): BiosInterface {
  const { machines } = bmc;
  return {
    properties: fakeProperties,
    validate: (node) => void bmc.behaviour(node),
    async readSettings(node, callOptions) {
      await bmc.ask(node, 'bios', callOptions);
      const { bios = {}, biosPending = {}, firmware = {} } = machines.stateOf(node);
      const known: Record<string, Json> = { ...bios, ...(firmware['bios'] && { SystemBiosVersion: firmware['bios'] }) };
      return settingTable.map((row): BiosSetting => {
        // Passwords are never returned.
        const shown = (value: Json): Json => (row.type === 'Password' ? null : value);
        const pending = biosPending[row.name];
        return { ...row, value: shown(known[row.name] ?? row.value), ...(pending !== undefined && { pending: shown(pending) }) };
      });
    },
    async applySettings(node, asked, callOptions) {
      const typeOf = (name: string) => settingTable.find((row) => row.name === name)?.type;
      const changes = Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, typedValue(value, typeOf(name))]));
      const wrong = Object.entries(changes).flatMap(([name, value]) => complaint(name, value) ?? []);
      if (wrong.length > 0) throw new Fault('badRequest', { detail: wrong.join('; ') });
      await bmc.ask(node, 'bios', callOptions);
      const machine = machines.change(node);
      for (const [name, value] of Object.entries(changes)) {
        const needsReset = settingTable.find((row) => row.name === name)?.reset_required;
        const place = needsReset ? 'biosPending' : 'bios';
        machine[place] = { ...machine[place], [name]: value };
      }
    },
    async factoryReset(node, callOptions) {
      await bmc.ask(node, 'bios', callOptions);
      const values = settingTable.filter((row) => !row.read_only).map(({ name, value }): [string, Json] => [name, value]);
      machines.change(node).biosPending = Object.fromEntries(values);
    },
  };
}

function complaint(name: string, value: Json): string | undefined {
  const row = settingTable.find((candidate) => candidate.name === name);
  if (!row) return `there is no setting '${name}'`;
  if (row.read_only) return `${name} is read-only`;
  const expected = { Enumeration: isOneOf, String: isText, Password: isText, Integer: isWhole, Boolean: isBoolean }[
    row.type ?? 'String'
  ](row, value);
  // An invalid password is not repeated.
  return expected && `${name} must be ${expected}${row.type === 'Password' ? '' : `, not ${JSON.stringify(value)}`}`;
}

type Check = (row: Row, value: Json) => string | undefined;

const isOneOf: Check = ({ allowable_values = [] }, value) =>
  typeof value === 'string' && allowable_values.includes(value) ? undefined : `one of ${allowable_values.join(', ')}`;

const isText: Check = ({ min_length = 0, max_length = 255 }, value) =>
  typeof value === 'string' && value.length >= min_length && value.length <= max_length
    ? undefined
    : `text of ${min_length} to ${max_length} letters`;

const isWhole: Check = ({ lower_bound = 0, upper_bound = 65_535 }, value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= lower_bound && value <= upper_bound
    ? undefined
    : `a whole number from ${lower_bound} to ${upper_bound}`;

const isBoolean: Check = (_row, value) => (typeof value === 'boolean' ? undefined : 'true or false');
