/** Fields of a node that exist in Ironic and have one value in Ingot: setting another is refused, not forgotten. */
import { Fault } from '#domain/faults.ts';

/** The values a client may send, because they are what there is. */
export const fixedFieldTable: Readonly<Record<string, readonly unknown[]>> = {
  automated_clean: [true],
  chassis_uuid: [],
  conductor_group: [''],
  disable_power_off: [false],
  inspect_interface: ['no-inspect'],
  lessee: [],
  network_data: [],
  network_interface: ['noop'],
  protected: [false],
  protected_reason: [],
  raid_interface: ['no-raid'],
  rescue_interface: ['no-rescue'],
  retired: [false],
  retired_reason: [],
  storage_interface: ['noop'],
};

/** @param record field → value, of a new node or a changed one */
export function refuseFixedFields(record: object): void {
  for (const [name, allowed] of Object.entries(fixedFieldTable)) {
    const value = (record as Record<string, unknown>)[name];
    if (value === undefined || value === null || allowed.includes(value)) continue;
    const only = allowed.length > 0 ? ` (only ${allowed.map((each) => JSON.stringify(each)).join(', ')})` : '';
    throw new Fault('unsupported', { what: `Setting ${name} of a node to ${JSON.stringify(value)}${only}` });
  }
}
