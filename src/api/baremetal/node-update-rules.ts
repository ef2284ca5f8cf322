/**
 * The rules that a PATCH of a node needs, by the fields that it touches. Maintenance has that of its own route, too
 * (OSSA-2026-048): who may not set it there may not set it here.
 */
import { fixedInterfaceTable, interfaceFields } from '#domain/interface-kinds.ts';
import { type JsonPatch, membersOf } from '#services/baremetal/json-patch.ts';
import { readBoolean } from '#services/loose-booleans.ts';
import type { BaremetalRule } from './policy.ts';

const interfaces = [...interfaceFields, ...Object.keys(fixedInterfaceTable).map((kind) => `${kind}_interface`)];

const fieldTable: Readonly<Record<string, BaremetalRule>> = {
  instance_info: 'baremetal:node:update_instance_info',
  instance_name: 'baremetal:node:update_instance_info',
  extra: 'baremetal:node:update_extra',
  driver_info: 'baremetal:node:update:driver_info',
  properties: 'baremetal:node:update:properties',
  chassis_uuid: 'baremetal:node:update:chassis_uuid',
  instance_uuid: 'baremetal:node:update:instance_uuid',
  lessee: 'baremetal:node:update:lessee',
  owner: 'baremetal:node:update:owner',
  driver: 'baremetal:node:update:driver_interfaces',
  ...Object.fromEntries(interfaces.map((name) => [name, 'baremetal:node:update:driver_interfaces' as const])),
  network_data: 'baremetal:node:update:network_data',
  conductor_group: 'baremetal:node:update:conductor_group',
  name: 'baremetal:node:update:name',
  retired: 'baremetal:node:update:retired',
  retired_reason: 'baremetal:node:update:retired',
  shard: 'baremetal:node:update:shard',
  parent_node: 'baremetal:node:update:parent_node',
  disable_power_off: 'baremetal:node:update:disable_power_off',
};

type Operation = JsonPatch[number];

/** An empty patch needs the general rule. */
export function updateRulesOf(patch: JsonPatch): ReadonlySet<BaremetalRule> {
  const rules = patch.flatMap((operation) => [...membersOf([operation])].flatMap((name) => rulesOf(name, operation)));
  return new Set(rules.length > 0 ? rules : ['baremetal:node:update']);
}

function rulesOf(name: string, operation: Operation): readonly BaremetalRule[] {
  if (name === 'maintenance') return maintenanceRules(operation);
  if (name === 'automated_clean') return flagOf(operation) === true ? ['baremetal:node:update'] : cleaningRules(operation);
  return [(Object.hasOwn(fieldTable, name) ? fieldTable[name] : undefined) ?? 'baremetal:node:update'];
}

/** What is copied may be either. */
function maintenanceRules(operation: Operation): readonly BaremetalRule[] {
  const value = flagOf(operation);
  return [
    ...(value === false ? [] : ['baremetal:node:set_maintenance' as const]),
    ...(value === true ? [] : ['baremetal:node:clear_maintenance' as const]),
  ];
}

/** Removed, the setting decides. */
function cleaningRules(operation: Operation): readonly BaremetalRule[] {
  const isDefault = operation.op === 'remove' || ('value' in operation && operation.value === null);
  return isDefault ? ['baremetal:node:update'] : ['baremetal:node:disable_cleaning'];
}

/** Undefined: not known before the patch is applied. A removed flag is false. */
function flagOf(operation: Operation): boolean | undefined {
  if (operation.op === 'remove') return false;
  return 'value' in operation ? readBoolean(operation.value) : undefined;
}
