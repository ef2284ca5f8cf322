/** The rules of the bare metal service, under Ironic's names (ironic/common/policy.py). */
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { type PolicyRule, targetOf } from '../http/policy/rules.ts';
import { routesOf } from '../http/route.ts';

const rule =
  (check: string) =>
  (description: string): PolicyRule => ({ check, scopes: ['system', 'project'], description });

const reader = rule('rule:system_reader');
const member = rule('rule:system_member');
const admin = rule('rule:system_admin');

const ofOwner = (others: string, role: string) => rule(`${others} or (role:${role} and project_id:%(allocation.owner)s)`);

const ofRunbookOwner = (others: string, role: string) => rule(`${others} or (role:${role} and project_id:%(runbook.owner)s)`);

/** An administrator of any project administers the cloud, too: projects own no nodes. */
const baseRules = {
  admin_api: { check: 'role:admin', description: 'Who is an administrator of the cloud.' },
  system_admin: { check: 'rule:admin_api', description: 'Administrators of the system or of any project.' },
  system_member: {
    check: 'rule:admin_api or (role:member and system_scope:all)',
    description: 'Members of the system, administrators.',
  },
  system_reader: {
    check: 'rule:admin_api or (role:reader and system_scope:all)',
    description: 'Readers of the system, administrators.',
  },
} as const satisfies Record<string, PolicyRule>;

/** What a PATCH of a node needs, by its fields (node-update-rules.ts). */
const updateRules = {
  'baremetal:node:update': member('Change what has no rule of its own: protected, description, automated_clean, …'),
  'baremetal:node:update_extra': member('Change extra.'),
  'baremetal:node:update_instance_info': member('Change instance_info and instance_name.'),
  'baremetal:node:update:driver_info': member('Change driver_info.'),
  'baremetal:node:update:properties': member('Change properties.'),
  'baremetal:node:update:chassis_uuid': member('Move a node to another chassis.'),
  'baremetal:node:update:instance_uuid': member('Change instance_uuid.'),
  'baremetal:node:update:lessee': member('Change the lessee.'),
  'baremetal:node:update:owner': member('Change the owner.'),
  'baremetal:node:update:driver_interfaces': member('Change the driver and its interfaces.'),
  'baremetal:node:update:network_data': member('Change network_data.'),
  'baremetal:node:update:conductor_group': member('Change the conductor group.'),
  'baremetal:node:update:name': member('Rename a node.'),
  'baremetal:node:update:retired': member('Retire a node, or end that.'),
  'baremetal:node:update:shard': admin('Change the shard.'),
  'baremetal:node:update:parent_node': member('Make a node a part of another.'),
  'baremetal:node:update:disable_power_off': admin('Forbid that a node is powered off, or end that.'),
  'baremetal:node:disable_cleaning': admin('Set automated_clean to false: the data of former instances stays on the disks.'),
  'baremetal:node:set_maintenance': member('Put a node into maintenance.'),
  'baremetal:node:clear_maintenance': member('End the maintenance of a node.'),
} as const satisfies Record<string, PolicyRule>;

const ofAny = (names: readonly string[]) => rule(names.map((name) => `rule:${name}`).join(' or '));

const nodeRules = {
  'baremetal:node:create': admin('Enrol a node.'),
  'baremetal:node:list': reader('List nodes.'),
  'baremetal:node:get': reader('Show a node.'),
  ...updateRules,
  'baremetal:node:update:any': ofAny(Object.keys(updateRules))(
    'Send a change of a node; each of its fields needs its own rule (Ingot extension).',
  ),
  'baremetal:node:update_owner_provisioned': admin('Change the owner of an active node.'),
  'baremetal:node:delete': admin('Delete a node.'),
  'baremetal:node:validate': member('Validate the interfaces of a node.'),
  'baremetal:node:get_states': reader('Show the states of a node.'),
  'baremetal:node:set_power_state': member('Change the power state of a node.'),
  'baremetal:node:set_provision_state': member('Change the provision state of a node.'),
  'baremetal:node:set_raid_state': member('Change the RAID configuration of a node.'),
  'baremetal:node:set_boot_mode': member('Change the boot mode of a node.'),
  'baremetal:node:set_secure_boot': member('Switch Secure Boot of a node on or off.'),
  'baremetal:node:get_boot_device': member('Show the boot device of a node, and the devices that it has.'),
  'baremetal:node:set_boot_device': member('Change the boot device of a node.'),
  'baremetal:node:get_indicator_state': reader('Show the indicators of a node.'),
  'baremetal:node:set_indicator_state': member('Change an indicator of a node.'),
  'baremetal:node:inject_nmi': member('Send a non-maskable interrupt to a node.'),
  'baremetal:node:get_console': member('Get access to the console of a node.'),
  'baremetal:node:set_console_state': member('Enable or disable the console of a node.'),
  'baremetal:node:vendor_passthru': admin('Call a vendor method of a node.'),
  'baremetal:node:vif:list': reader('List the network ports that are attached to a node.'),
  'baremetal:node:vif:attach': member('Attach a network port to a node.'),
  'baremetal:node:vif:detach': member('Detach a network port from a node.'),
  'baremetal:node:traits:list': reader('List the traits of a node.'),
  'baremetal:node:traits:set': member('Add a trait to a node, or replace all of them.'),
  'baremetal:node:traits:delete': member('Remove one or all traits of a node.'),
  'baremetal:node:bios:get': reader('Show the BIOS settings of a node.'),
  'baremetal:node:firmware:get': reader('Show the firmware versions of a node.'),
  'baremetal:node:vmedia:get': reader('List the virtual media of a node.'),
  'baremetal:node:vmedia:attach': member('Insert virtual media into a node.'),
  'baremetal:node:vmedia:detach': member('Eject virtual media from a node.'),
  'baremetal:node:history:get': reader('Show the history of a node.'),
  'baremetal:node:inventory:get': reader('Show the hardware inventory of a node.'),
  'baremetal:node:events:get': reader('Follow the timeline of a node (Ingot extension).'),
  'baremetal:node:operations:get': reader('List the operations of a node (Ingot extension).'),
  'baremetal:node:lock:get': reader('Show the locks of a node (Ingot extension).'),
  'baremetal:node:lock:create': member('Lock a node (Ingot extension).'),
  'baremetal:node:lock:delete': member('Delete a lock that one has set (Ingot extension).'),
  'baremetal:node:lock:delete_any': admin('Delete the locks of others (Ingot extension).'),
  'baremetal:shards:get': reader('List the shards.'),
} as const satisfies Record<string, PolicyRule>;

const otherRules = {
  'baremetal:port:list': reader('List ports.'),
  'baremetal:port:get': reader('Show a port.'),
  'baremetal:port:create': admin('Create a port.'),
  'baremetal:port:update': member('Change a port.'),
  'baremetal:port:delete': admin('Delete a port.'),
  'baremetal:portgroup:list': reader('List port groups.'),
  'baremetal:portgroup:get': reader('Show a port group.'),
  'baremetal:portgroup:create': admin('Create a port group.'),
  'baremetal:portgroup:update': member('Change a port group.'),
  'baremetal:portgroup:delete': admin('Delete a port group.'),
  'baremetal:chassis:get': reader('Show chassis.'),
  'baremetal:chassis:create': admin('Create a chassis.'),
  'baremetal:chassis:update': member('Change a chassis.'),
  'baremetal:chassis:delete': admin('Delete a chassis.'),
  'baremetal:driver:get': reader('Show drivers.'),
  'baremetal:driver:get_properties': reader('Show the properties of a driver.'),
  'baremetal:driver:get_raid_logical_disk_properties': reader('Show the RAID properties of a driver.'),
  'baremetal:driver:vendor_passthru': admin('Call a vendor method of a driver.'),
  'baremetal:driver:ipa_continue_inspection': admin('Send the data of an inspection.'),
  'baremetal:conductor:get': reader('Show conductors.'),
  'baremetal:volume:list': reader('List volume connectors and targets.'),
  'baremetal:volume:get': reader('Show volume connectors and targets.'),
  'baremetal:volume:create': member('Create a volume connector or target.'),
  'baremetal:volume:update': member('Change a volume connector or target.'),
  'baremetal:volume:delete': member('Delete a volume connector or target.'),
  'baremetal:volume:view_target_properties': reader('See the properties of volume targets, without secrets.'),
  'baremetal:allocation:get': ofOwner('rule:system_reader', 'reader')('Show an allocation.'),
  'baremetal:allocation:list': rule('role:reader')('List the allocations of the own project.'),
  'baremetal:allocation:list_all': reader('List the allocations of all projects.'),
  'baremetal:allocation:create': rule('rule:system_member or role:member')('Create an allocation.'),
  'baremetal:allocation:create_restricted': member('Create an allocation for any owner, from the nodes of any owner.'),
  'baremetal:allocation:update': ofOwner('rule:system_member', 'member')('Change an allocation.'),
  'baremetal:allocation:delete': ofOwner('rule:system_member', 'member')('Delete an allocation.'),
  'baremetal:deploy_template:get': reader('Show deploy templates.'),
  'baremetal:deploy_template:create': admin('Create a deploy template.'),
  'baremetal:deploy_template:update': admin('Change a deploy template.'),
  'baremetal:deploy_template:delete': admin('Delete a deploy template.'),
  'baremetal:runbook:get': ofRunbookOwner('rule:system_reader', 'reader')('Show a runbook. Everyone sees public ones.'),
  'baremetal:runbook:list': rule('role:reader')('List public runbooks and those of the own project.'),
  'baremetal:runbook:list_all': reader('List the runbooks of all projects.'),
  'baremetal:runbook:create': rule('rule:system_member or role:manager')('Create a runbook.'),
  'baremetal:runbook:update': ofRunbookOwner('rule:system_member', 'manager')('Change a runbook.'),
  'baremetal:runbook:update:public': member('Make a runbook public, or not.'),
  'baremetal:runbook:update:owner': member('Change the owner of a runbook.'),
  'baremetal:runbook:delete': ofRunbookOwner('rule:system_member', 'manager')('Delete a runbook.'),
  'baremetal:runbook:use': ofRunbookOwner('rule:system_member', 'manager')('Clean or service a node by a runbook.'),
  'baremetal:inspection_rule:get': reader('Show inspection rules.'),
  'baremetal:inspection_rule:create': admin('Create an inspection rule.'),
  'baremetal:inspection_rule:update': admin('Change an inspection rule.'),
  'baremetal:inspection_rule:delete': admin('Delete an inspection rule.'),
} as const satisfies Record<string, PolicyRule>;

const ownTarget = (caller: Caller) => ({
  ...targetOf(caller),
  'allocation.owner': caller.project_id,
  'runbook.owner': caller.project_id,
});

export const baremetalPolicy = {
  rules: { ...baseRules, ...nodeRules, ...otherRules },
  own: (caller: Caller) => ownTarget(caller),
  denied: (name: string) => new Fault('forbidden', { detail: `Policy doesn't allow ${name} to be performed.` }),
} as const;
export type BaremetalRule = keyof typeof baremetalPolicy.rules;

export const { route, unsupportedRoute, authorize, allows } = routesOf(baremetalPolicy.rules);
