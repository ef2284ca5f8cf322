/** Ironic's node fields that have one value in Ingot: setting another is rejected, not ignored. */
import { Fault } from '#domain/faults.ts';
import { fixedInterfaceTable } from '#domain/interface-kinds.ts';
import { fixedNodeFieldTable } from '#domain/node-fields.ts';
import { isUuidLike } from '#domain/uuids.ts';
import { booleanOf } from '../loose-booleans.ts';

/** The values that clients may send: the ones that Ingot has. */
export const fixedFieldTable: Readonly<Record<string, readonly unknown[]>> = Object.fromEntries([
  ...Object.entries(fixedNodeFieldTable).map(([name, { accepts }]) => [name, accepts]),
  ...Object.entries(fixedInterfaceTable).map(([kind, { name }]) => [`${kind}_interface`, [name]]),
]);

/** Fields that Ironic accepts only for a new node. */
export const bornWithTable: typeof fixedFieldTable = {
  boot_mode: [],
  console_enabled: [false],
  instance_uuid: [],
  secure_boot: [false],
};
/** Fields that Ironic accepts only in a patch. */
export const patchOnly: readonly string[] = ['protected', 'protected_reason'];

const allowedValues = Object.entries({ ...fixedFieldTable, ...bornWithTable });

/** @param record field → value, of a new or changed node */
export function refuseFixedFields(record: object): void {
  const { instance_uuid } = record as Record<string, unknown>;
  if (instance_uuid !== undefined && instance_uuid !== null && !isUuidLike(String(instance_uuid)))
    throw new Fault('badRequest', { detail: `Expected UUID for instance_uuid: ${instance_uuid}` });
  for (const [name, allowed] of allowedValues) {
    const given = (record as Record<string, unknown>)[name];
    if (given === undefined || given === null) continue;
    const value = typeof allowed[0] === 'boolean' ? booleanOf(name, given) : given;
    if (allowed.includes(value) || (name === 'network_data' && isEmpty(value))) continue;
    const only = allowed.length > 0 ? ` (only ${allowed.map((each) => JSON.stringify(each)).join(', ')})` : '';
    throw new Fault('unsupported', { what: `Setting ${name} of a node to ${JSON.stringify(value)}${only}` });
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
