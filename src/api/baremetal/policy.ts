/** The rules of the bare metal service, under Ironic's names (ironic/common/policy.py). */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { type StepName, stepNameOf, stepNames } from '#domain/step-names.ts';
import type { Caller } from '#services/caller.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import { type PolicyRule, targetOf } from '../http/policy/rules.ts';
import { routesOf } from '../http/route.ts';

const rule =
  (check: string) =>
  (description: string): PolicyRule => ({ check, scopes: ['system', 'project'], description });

const reader = rule('rule:system_reader');
const member = rule('rule:system_member');
const admin = rule('rule:system_admin');

/** Other services: a user of Nova, or an inspector. In the project `service`, see `service_role` below. */
const services = '(role:service and system_scope:all)';
const ownServices = `${services} or (role:service and project_id:%(node.owner)s)`;

/** Roles include those that they imply: a manager is a member. */
const owner = (role: string) => `(role:${role} and project_id:%(node.owner)s)`;
const lessee = (role: string) => `(role:${role} and project_id:%(node.lessee)s)`;

/** Ironic's combinations of who administers the system, owns the node, or leases it. */
const ownerReader = rule(`rule:system_reader or ${owner('reader')} or ${ownServices}`);
const projectReader = rule(`rule:system_reader or ${owner('reader')} or ${lessee('reader')} or ${ownServices}`);
const ownerMember = rule(`rule:system_member or ${owner('member')} or ${ownServices}`);
const projectMember = rule(`rule:system_member or ${owner('member')} or ${lessee('member')} or ${services}`);
const ownerMemberLesseeManager = rule(`rule:system_member or ${owner('member')} or ${lessee('manager')} or ${ownServices}`);
const ownerManager = rule(`rule:system_member or ${owner('manager')} or ${ownServices}`);
const projectManager = rule(`rule:system_member or ${owner('manager')} or ${lessee('manager')} or ${ownServices}`);
const adminOwnerManager = rule(`rule:system_admin or ${owner('manager')} or ${ownServices}`);
const anyReader = rule('role:reader or role:service');

const ofOwner = (others: string, role: string) => rule(`${others} or (role:${role} and project_id:%(allocation.owner)s)`);

const ofRunbookOwner = (others: string, role: string) =>
  rule(`${others} or (role:${role} and project_id:%(runbook.owner)s) or role:service`);

/** An administrator of any project administers the cloud, too (docs/decisions/0030-scopes-and-roles.md). */
const baseRules = {
  admin_api: { check: 'role:admin', description: 'Who is an administrator of the cloud.' },
  service_role: { check: 'role:service and project_name:service', description: 'Other services, in the project `service`.' },
  system_admin: { check: 'rule:admin_api', description: 'Administrators of the system or of any project.' },
  system_member: {
    check: 'rule:admin_api or (role:member and system_scope:all) or rule:service_role',
    description: 'Members of the system, administrators, other services.',
  },
  system_reader: {
    check: `rule:admin_api or (role:reader and system_scope:all) or ${services} or rule:service_role`,
    description: 'Readers of the system, administrators, other services.',
  },
} as const satisfies Record<string, PolicyRule>;

/** What a PATCH of a node needs, by its fields (node-update-rules.ts). */
const updateRules = {
  'baremetal:node:update': projectMember('Change what has no rule of its own: protected, description, automated_clean, …'),
  'baremetal:node:update_extra': projectMember('Change extra.'),
  'baremetal:node:update_instance_info': ownerMemberLesseeManager('Change instance_info and instance_name.'),
  'baremetal:node:update:driver_info': ownerMember('Change driver_info.'),
  'baremetal:node:update:properties': ownerMember('Change properties.'),
  'baremetal:node:update:chassis_uuid': admin('Move a node to another chassis.'),
  'baremetal:node:update:instance_uuid': ownerMember('Change instance_uuid.'),
  'baremetal:node:update:lessee': ownerMember('Change the lessee.'),
  'baremetal:node:update:owner': member('Change the owner.'),
  'baremetal:node:update:driver_interfaces': ownerManager('Change the driver and its interfaces.'),
  'baremetal:node:update:network_data': ownerMember('Change network_data.'),
  'baremetal:node:update:conductor_group': member('Change the conductor group.'),
  'baremetal:node:update:name': ownerMember('Rename a node.'),
  'baremetal:node:update:retired': ownerMember('Retire a node, or end that.'),
  'baremetal:node:update:shard': admin('Change the shard.'),
  'baremetal:node:update:parent_node': member('Make a node a part of another.'),
  'baremetal:node:update:disable_power_off': admin('Forbid that a node is powered off, or end that.'),
  'baremetal:node:disable_cleaning': admin('Set automated_clean to false: the data of former instances stays on the disks.'),
  'baremetal:node:set_maintenance': ownerMemberLesseeManager('Put a node into maintenance.'),
  'baremetal:node:clear_maintenance': ownerMemberLesseeManager('End the maintenance of a node.'),
} as const satisfies Record<string, PolicyRule>;

const ofAny = (names: readonly string[]) => rule(names.map((name) => `rule:${name}`).join(' or '));

const nodeRules = {
  'baremetal:node:create': rule(`rule:system_admin or ${services}`)('Enrol a node.'),
  'baremetal:node:create:self_owned_node': rule('role:admin or role:service')('Enrol a node that the own project owns.'),
  'baremetal:node:create:any': ofAny(['baremetal:node:create', 'baremetal:node:create:self_owned_node'])(
    'Send a new node (Ingot extension).',
  ),
  'baremetal:node:list': anyReader('List the nodes that the own project owns or leases.'),
  'baremetal:node:list_all': reader('List the nodes of all projects.'),
  'baremetal:node:get': projectReader('Show a node.'),
  'baremetal:node:get:last_error': ownerReader('See the last error of a node.'),
  'baremetal:node:get:reservation': ownerReader('See who has reserved a node.'),
  'baremetal:node:get:driver_info': ownerReader('See driver_info of a node, without secrets.'),
  'baremetal:node:get:driver_internal_info': ownerReader('See driver_internal_info of a node.'),
  ...updateRules,
  'baremetal:node:update:any': ofAny(Object.keys(updateRules))(
    'Send a change of a node; each of its fields needs its own rule (Ingot extension).',
  ),
  'baremetal:node:update_owner_provisioned': admin('Change the owner of an active node.'),
  'baremetal:node:delete': admin('Delete a node.'),
  'baremetal:node:delete:self_owned_node': rule(owner('admin'))('Delete a node that the own project owns.'),
  'baremetal:node:delete:any': ofAny(['baremetal:node:delete', 'baremetal:node:delete:self_owned_node'])(
    'Send the deletion of a node (Ingot extension).',
  ),
  'baremetal:node:validate': ownerMemberLesseeManager('Validate the interfaces of a node.'),
  'baremetal:node:get_states': projectReader('Show the states of a node.'),
  'baremetal:node:set_power_state': projectMember('Change the power state of a node.'),
  'baremetal:node:set_provision_state': ownerMemberLesseeManager('Change the provision state of a node.'),
  'baremetal:node:set_provision_state:clean_steps': ownerMemberLesseeManager('Clean a node by steps that the request names.'),
  'baremetal:node:set_provision_state:service_steps': ownerMemberLesseeManager('Service a node by steps that the request names.'),
  'baremetal:node:set_raid_state': ownerMember('Change the RAID configuration of a node.'),
  'baremetal:node:set_boot_mode': projectMember('Change the boot mode of a node.'),
  'baremetal:node:set_secure_boot': projectMember('Switch Secure Boot of a node on or off.'),
  'baremetal:node:get_boot_device': ownerManager('Show the boot device of a node, and the devices that it has.'),
  'baremetal:node:set_boot_device': ownerManager('Change the boot device of a node.'),
  'baremetal:node:get_indicator_state': projectReader('Show the indicators of a node.'),
  'baremetal:node:set_indicator_state': ownerMember('Change an indicator of a node.'),
  'baremetal:node:inject_nmi': ownerManager('Send a non-maskable interrupt to a node.'),
  'baremetal:node:get_console': ownerMember('Get access to the console of a node.'),
  'baremetal:node:set_console_state': ownerMember('Enable or disable the console of a node.'),
  'baremetal:node:vendor_passthru': admin('Call a vendor method of a node.'),
  'baremetal:node:vif:list': projectReader('List the network ports that are attached to a node.'),
  'baremetal:node:vif:attach': ownerMemberLesseeManager('Attach a network port to a node.'),
  'baremetal:node:vif:detach': ownerMemberLesseeManager('Detach a network port from a node.'),
  'baremetal:node:traits:list': projectReader('List the traits of a node.'),
  'baremetal:node:traits:set': ownerManager('Add a trait to a node, or replace all of them.'),
  'baremetal:node:traits:delete': ownerManager('Remove one or all traits of a node.'),
  'baremetal:node:bios:get': projectReader('Show the BIOS settings of a node.'),
  'baremetal:node:firmware:get': projectReader('Show the firmware versions of a node.'),
  'baremetal:node:vmedia:get': projectReader('List the virtual media of a node.'),
  'baremetal:node:vmedia:attach': projectMember('Insert virtual media into a node.'),
  'baremetal:node:vmedia:detach': projectMember('Eject virtual media from a node.'),
  'baremetal:node:history:get': ownerReader('Show the history of a node.'),
  'baremetal:node:inventory:get': ownerReader('Show the hardware inventory of a node.'),
  'baremetal:node:events:get': ownerReader('Follow the timeline of a node (Ingot extension).'),
  'baremetal:node:operations:get': ownerReader('List the operations of a node (Ingot extension).'),
  'baremetal:node:lock:get': projectReader('Show the locks of a node (Ingot extension).'),
  'baremetal:node:lock:create': ownerMemberLesseeManager('Lock a node (Ingot extension).'),
  'baremetal:node:lock:delete': ownerMemberLesseeManager('Delete a lock that one has set (Ingot extension).'),
  'baremetal:node:lock:delete_any': admin('Delete the locks of others (Ingot extension).'),
  'baremetal:node:held_address:get': ownerReader('List the addresses that a machine may still use (Ingot extension).'),
  'baremetal:node:firmware_update:get': ownerReader('List the firmware updates that may not have ended (Ingot extension).'),
  'baremetal:node:firmware_update:delete': admin('Declare the firmware updates of a node to be over (Ingot extension).'),
  'baremetal:node:held_address:delete': admin('Release an address that a machine may still use (Ingot extension).'),
  'baremetal:shards:get': reader('List the shards.'),
} as const satisfies Record<string, PolicyRule>;

const otherRules = {
  'baremetal:port:list': anyReader('List the ports of nodes that the own project owns or leases.'),
  'baremetal:port:list_all': reader('List the ports of all nodes.'),
  'baremetal:port:get': projectReader('Show a port.'),
  'baremetal:port:create': adminOwnerManager('Create a port.'),
  'baremetal:port:update': ownerManager('Change a port.'),
  'baremetal:port:delete': adminOwnerManager('Delete a port.'),
  'baremetal:portgroup:list': anyReader('List the port groups of nodes that the own project owns or leases.'),
  'baremetal:portgroup:list_all': reader('List the port groups of all nodes.'),
  'baremetal:portgroup:get': projectReader('Show a port group.'),
  'baremetal:portgroup:create': adminOwnerManager('Create a port group.'),
  'baremetal:portgroup:update': ownerManager('Change a port group.'),
  'baremetal:portgroup:delete': adminOwnerManager('Delete a port group.'),
  'baremetal:chassis:get': reader('Show chassis.'),
  'baremetal:chassis:create': admin('Create a chassis.'),
  'baremetal:chassis:update': member('Change a chassis.'),
  'baremetal:chassis:delete': admin('Delete a chassis.'),
  'baremetal:driver:get': reader('Show drivers.'),
  'baremetal:driver:get_properties': reader('Show the properties of a driver.'),
  'baremetal:driver:get_raid_logical_disk_properties': reader('Show the RAID properties of a driver.'),
  'baremetal:driver:vendor_passthru': admin('Call a vendor method of a driver.'),
  'baremetal:events:post': admin('Post events of a network service.'),
  'baremetal:conductor:get': reader('Show conductors.'),
  'baremetal:volume:list': anyReader('List the volume connectors and targets of nodes that the own project owns or leases.'),
  'baremetal:volume:list_all': reader('List the volume connectors and targets of all nodes.'),
  'baremetal:volume:get': projectReader('Show volume connectors and targets.'),
  'baremetal:volume:create': projectManager('Create a volume connector or target.'),
  'baremetal:volume:update': ownerMemberLesseeManager('Change a volume connector or target.'),
  'baremetal:volume:delete': projectManager('Delete a volume connector or target.'),
  'baremetal:volume:view_target_properties': reader('See the properties of volume targets, without secrets.'),
  'baremetal:allocation:get': ofOwner('rule:system_reader', 'reader')('Show an allocation.'),
  'baremetal:allocation:list': anyReader('List the allocations of the own project.'),
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
  'baremetal:runbook:list': anyReader('List public runbooks and those of the own project.'),
  'baremetal:runbook:list_all': reader('List the runbooks of all projects.'),
  'baremetal:runbook:create': rule('rule:system_member or role:manager or role:service')('Create a runbook.'),
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

/** A node as the rules see it. */
export function nodeTarget({ owner, lessee }: Pick<Node, 'owner' | 'lessee'>): PolicyTarget {
  return { 'node.owner': owner, 'node.lessee': lessee };
}

const ownTarget = (caller: Caller) => ({
  ...targetOf(caller),
  ...nodeTarget({ owner: caller.project_id, lessee: caller.project_id }),
  'allocation.owner': caller.project_id,
  'runbook.owner': caller.project_id,
});

/** In Ironic there is none of these unless an operator's policy file names it. */
const stepRules = Object.fromEntries(
  stepNames.map((name) => [
    `baremetal:step:execute:${name}`,
    rule('@')(`Name the step ${name} for a node, or for a runbook of one's own.`),
  ]),
) as Record<`baremetal:step:execute:${StepName}`, PolicyRule>;

export const baremetalPolicy = {
  rules: { ...baseRules, ...nodeRules, ...otherRules, ...stepRules },
  own: (caller: Caller) => ownTarget(caller),
  denied: (name: string) => new Fault('forbidden', { detail: `Policy doesn't allow ${name} to be performed.` }),
} as const;
export type BaremetalRule = keyof typeof baremetalPolicy.rules;

export const { route, unsupportedRoute, authorize, allows } = routesOf(baremetalPolicy.rules);

/** Throws `forbidden` with Ironic's text if the caller must not name one of the steps. An unknown one is refused later. */
export function authorizeSteps(
  request: FastifyRequest,
  steps: readonly { interface: string; step: string }[],
  node?: Pick<Node, 'owner' | 'lessee'>,
): void {
  const target = node && nodeTarget(node);
  const isKnown = (name: string): name is StepName => (stepNames as readonly string[]).includes(name);
  const denied = steps.filter((step) => {
    const name = stepNameOf(step);
    return isKnown(name) && !allows(request, `baremetal:step:execute:${name}`, target);
  });
  if (denied.length === 0) return;
  const texts = denied.map(({ interface: slot, step }) => `insufficient privileges to execute step ${step} on interface ${slot}`);
  throw new Fault('forbidden', { detail: texts.join('; ') });
}
