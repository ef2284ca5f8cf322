/** The rules of the compute service, under Nova's names (nova/policies). */
import { Fault } from '#domain/faults.ts';
import type { PolicyRule } from '../http/policy/rules.ts';
import { routesOf } from '../http/route.ts';

const rule =
  (check: string) =>
  (description: string): PolicyRule => ({ check, scopes: ['project'], description });

const anyone = rule('@');
const reader = rule('rule:project_reader_or_admin');
const member = rule('rule:project_member_or_admin');
const manager = rule('rule:project_manager_or_admin');
const admin = rule('rule:context_is_admin');
const service = rule('rule:service_or_admin');
/** Nova lets a reader change key pairs, too; here a reader changes nothing. */
const ownKeypairs = rule('rule:context_is_admin or role:member and user_id:%(user_id)s');

const baseRules = {
  context_is_admin: { check: 'role:admin', description: 'Who is an administrator of the cloud.' },
  project_reader_api: { check: 'role:reader and project_id:%(project_id)s', description: 'Readers of a project.' },
  project_member_api: { check: 'role:member and project_id:%(project_id)s', description: 'Members of a project.' },
  project_manager_api: { check: 'role:manager and project_id:%(project_id)s', description: 'Managers of a project.' },
  service_api: { check: 'role:service', description: 'Other services of the cloud.' },
  project_reader_or_admin: {
    check: 'rule:project_reader_api or rule:context_is_admin',
    description: 'Readers of a project, administrators.',
  },
  project_member_or_admin: {
    check: 'rule:project_member_api or rule:context_is_admin',
    description: 'Members of a project, administrators.',
  },
  project_manager_or_admin: {
    check: 'rule:project_manager_api or rule:context_is_admin',
    description: 'Managers of a project, administrators.',
  },
  service_or_admin: { check: 'rule:service_api or rule:context_is_admin', description: 'Other services, administrators.' },
} as const satisfies Record<string, PolicyRule>;

const serverRules = {
  'os_compute_api:servers:index': reader('List servers.'),
  'os_compute_api:servers:detail': reader('List servers with details.'),
  'os_compute_api:servers:index:get_all_tenants': admin('List the servers of all projects.'),
  'os_compute_api:servers:detail:get_all_tenants': admin('List the servers of all projects with details.'),
  'os_compute_api:servers:allow_all_filters': admin('Filter and sort servers by host, node, project and user.'),
  'os_compute_api:servers:show': reader('Show a server.'),
  'os_compute_api:servers:show:host_status': admin('See the status of the host of a server.'),
  'os_compute_api:servers:create': member('Create a server.'),
  'os_compute_api:servers:create:forced_host': admin('Create a server on a particular host or node.'),
  'os_compute_api:servers:update': member('Change the name or description of a server.'),
  'os_compute_api:servers:delete': member('Delete a server.'),
  'os_compute_api:os-extended-server-attributes': admin('See host, node, user data and other attributes of a server.'),
  'os_compute_api:ips:index': reader('List the addresses of a server.'),
  'os_compute_api:ips:show': reader('List the addresses of a server on one network.'),
  'os_compute_api:server-metadata:index': reader('List the metadata of a server.'),
  'os_compute_api:server-metadata:show': reader('Show one item of metadata of a server.'),
  'os_compute_api:server-metadata:create': member('Add metadata to a server.'),
  'os_compute_api:server-metadata:update_all': member('Replace the metadata of a server.'),
  'os_compute_api:server-metadata:update': member('Change one item of metadata of a server.'),
  'os_compute_api:server-metadata:delete': member('Delete one item of metadata of a server.'),
  'os_compute_api:os-instance-actions:list': reader('List the actions on a server.'),
  'os_compute_api:os-instance-actions:show': reader('Show an action on a server.'),
  'os_compute_api:os-instance-actions:events': admin(
    'See hosts in the events of an action, and its events before microversion 2.51.',
  ),
  // Nova shows them to administrators only; here tenants see those that concern them.
  'os_compute_api:os-instance-actions:events:details': reader('See why a step of an action failed.'),
  'os_compute_api:os-ingot-events': reader('Follow the timeline of a server (Ingot extension).'),
  'os_compute_api:os-remote-consoles': member('Open the console of a server.'),
  'os_compute_api:os-console-output': member('Read the console log of a server.'),
  'os_compute_api:os-security-groups:list': reader('List the security groups of a server.'),
  'os_compute_api:os-security-groups:add': member('Add a security group to a server.'),
  'os_compute_api:os-security-groups:remove': member('Remove a security group from a server.'),
  'os_compute_api:os-attach-interfaces:list': reader('List the interfaces of a server.'),
  'os_compute_api:os-attach-interfaces:show': reader('Show an interface of a server.'),
  'os_compute_api:os-attach-interfaces:create': member('Add an interface to a server.'),
  'os_compute_api:os-attach-interfaces:delete': member('Remove an interface from a server.'),
  'os_compute_api:os-volumes-attachments:index': reader('List the volumes of a server.'),
  'os_compute_api:os-volumes-attachments:create': member('Attach a volume to a server.'),
  'os_compute_api:os-volumes-attachments:delete': member('Detach a volume from a server.'),
  'os_compute_api:os-server-tags:index': reader('List the tags of a server.'),
  'os_compute_api:os-server-tags:show': reader('Show whether a server has a tag.'),
  'os_compute_api:os-server-tags:update_all': member('Replace the tags of a server.'),
  'os_compute_api:os-server-tags:delete_all': member('Delete the tags of a server.'),
  'os_compute_api:os-server-tags:update': member('Add a tag to a server.'),
  'os_compute_api:os-server-tags:delete': member('Delete a tag of a server.'),
  'os_compute_api:servers:migrations:index': manager('List the migrations of a server.'),
  'os_compute_api:os-server-diagnostics': admin('Read the diagnostics of a server.'),
  'compute:server:topology:index': reader('Show the NUMA topology of a server.'),
  'os_compute_api:os-server-password:show': reader('Read the encrypted password of a server.'),
  'os_compute_api:os-server-password:clear': member('Forget the password of a server.'),
} as const satisfies Record<string, PolicyRule>;

const actionRules = {
  'os_compute_api:servers:start': member('Power a server on.'),
  'os_compute_api:servers:stop': member('Power a server off.'),
  'os_compute_api:servers:reboot': member('Reboot a server.'),
  'os_compute_api:servers:rebuild': member('Rebuild a server.'),
  'os_compute_api:servers:trigger_crash_dump': member('Make a server write a crash dump.'),
  'os_compute_api:servers:create_image': member('Create an image from a server.'),
  'os_compute_api:servers:resize': member('Resize a server.'),
  'os_compute_api:servers:confirm_resize': member('Confirm a resize.'),
  'os_compute_api:servers:revert_resize': member('Revert a resize.'),
  'os_compute_api:os-deferred-delete:force': member('Delete a server at once.'),
  'os_compute_api:os-deferred-delete:restore': member('Restore a deleted server.'),
  'os_compute_api:os-lock-server:lock': member('Lock a server.'),
  'os_compute_api:os-lock-server:unlock': member('Unlock a server.'),
  'os_compute_api:os-lock-server:unlock:unlock_override': admin(
    'Unlock a server that others have locked: the project, or an administrator.',
  ),
  'os_compute_api:os-admin-actions:reset_state': admin('Reset the state of a server.'),
  'os_compute_api:os-admin-actions:inject_network_info': admin('Inject network information into a server.'),
  'os_compute_api:os-admin-password': member('Change the password of a server.'),
  'os_compute_api:os-create-backup': member('Back up a server.'),
  'os_compute_api:os-evacuate': admin('Evacuate a server from a failed host.'),
  'os_compute_api:os-floating-ips:add': member('Associate a floating IP with a server.'),
  'os_compute_api:os-floating-ips:remove': member('Disassociate a floating IP from a server.'),
  'os_compute_api:os-migrate-server:migrate': manager('Migrate a server.'),
  'os_compute_api:os-migrate-server:migrate_live': manager('Migrate a running server.'),
  'os_compute_api:os-multinic:add': member('Add a fixed IP address to a server.'),
  'os_compute_api:os-multinic:remove': member('Remove a fixed IP address from a server.'),
  'os_compute_api:os-pause-server:pause': member('Pause a server.'),
  'os_compute_api:os-pause-server:unpause': member('Unpause a server.'),
  'os_compute_api:os-rescue': member('Rescue a server.'),
  'os_compute_api:os-unrescue': member('End the rescue of a server.'),
  'os_compute_api:os-shelve:shelve': member('Shelve a server.'),
  'os_compute_api:os-shelve:unshelve': member('Unshelve a server.'),
  'os_compute_api:os-shelve:shelve_offload': admin('Remove a shelved server from its host.'),
  'os_compute_api:os-suspend-server:suspend': member('Suspend a server.'),
  'os_compute_api:os-suspend-server:resume': member('Resume a suspended server.'),
} as const satisfies Record<string, PolicyRule>;

const flavorRules = {
  // Nova's own routes for flavors have no rule of their own.
  'os_compute_api:flavors': anyone('List and show flavors.'),
  'os_compute_api:flavors:private': admin('See private flavors.'),
  'os_compute_api:os-flavor-manage:create': admin('Create a flavor.'),
  'os_compute_api:os-flavor-manage:update': admin('Change the description of a flavor.'),
  'os_compute_api:os-flavor-manage:delete': admin('Delete a flavor.'),
  'os_compute_api:os-flavor-access': admin('List the projects that may use a flavor.'),
  'os_compute_api:os-flavor-access:add_tenant_access': admin('Let a project use a flavor.'),
  'os_compute_api:os-flavor-access:remove_tenant_access': admin('Take a flavor away from a project.'),
  'os_compute_api:os-flavor-extra-specs:index': reader('List the extra specs of a flavor.'),
  'os_compute_api:os-flavor-extra-specs:show': reader('Show an extra spec of a flavor.'),
  'os_compute_api:os-flavor-extra-specs:create': admin('Add extra specs to a flavor.'),
  'os_compute_api:os-flavor-extra-specs:update': admin('Change an extra spec of a flavor.'),
  'os_compute_api:os-flavor-extra-specs:delete': admin('Delete an extra spec of a flavor.'),
  'os_compute_api:os-keypairs:index': rule('rule:context_is_admin or user_id:%(user_id)s')('List the key pairs of a user.'),
  'os_compute_api:os-keypairs:show': rule('rule:context_is_admin or user_id:%(user_id)s')('Show a key pair.'),
  'os_compute_api:os-keypairs:create': ownKeypairs('Create a key pair.'),
  'os_compute_api:os-keypairs:delete': ownKeypairs('Delete a key pair.'),
} as const satisfies Record<string, PolicyRule>;

const cloudRules = {
  'os_compute_api:os-hypervisors:list': admin('List hypervisors.'),
  'os_compute_api:os-hypervisors:list-detail': admin('List hypervisors with details.'),
  'os_compute_api:os-hypervisors:statistics': admin('Show the sums of all hypervisors.'),
  'os_compute_api:os-hypervisors:show': admin('Show a hypervisor.'),
  'os_compute_api:os-hypervisors:uptime': admin('Show how long a hypervisor has been up.'),
  'os_compute_api:os-hypervisors:search': admin('Search hypervisors by name.'),
  'os_compute_api:os-services:list': admin('List the services of the compute service.'),
  'os_compute_api:os-services:update': admin('Disable and enable a service.'),
  'os_compute_api:os-availability-zone:list': anyone('List availability zones.'),
  'os_compute_api:os-availability-zone:detail': admin('List availability zones with their hosts.'),
  'os_compute_api:limits': anyone('Show the limits of the own project.'),
  'os_compute_api:limits:other_project': admin('Show the limits of another project.'),
  'os_compute_api:os-quota-sets:show': reader('Show the quotas of a project.'),
  'os_compute_api:os-quota-sets:detail': reader('Show quotas and usage of a project.'),
  'os_compute_api:os-quota-sets:defaults': anyone('Show the default quotas.'),
  'os_compute_api:os-quota-sets:update': admin('Change the quotas of a project.'),
  'os_compute_api:os-simple-tenant-usage:list': admin('Show the usage of all projects.'),
  'os_compute_api:os-simple-tenant-usage:show': reader('Show the usage of a project.'),
  'os_compute_api:os-baremetal-nodes:list': admin('List nodes (classic extension).'),
  'os_compute_api:os-baremetal-nodes:show': admin('Show a node (classic extension).'),
  'os_compute_api:os-baremetal-nodes:create': admin('Create a node (classic extension).'),
  'os_compute_api:os-baremetal-nodes:delete': admin('Delete a node (classic extension).'),
  'os_compute_api:os-baremetal-nodes:add_interface': admin('Add an interface to a node (classic extension).'),
  'os_compute_api:os-baremetal-nodes:remove_interface': admin('Remove an interface from a node (classic extension).'),
  'os_compute_api:os-aggregates:index': admin('List host aggregates.'),
  'os_compute_api:os-aggregates:create': admin('Create a host aggregate.'),
  'os_compute_api:os-server-groups:index': reader('List server groups.'),
  'os_compute_api:os-server-groups:create': member('Create a server group.'),
  'os_compute_api:os-migrations:index': manager('List migrations.'),
  'os_compute_api:os-server-external-events:create': service('Report an event of another service.'),
  'os_compute_api:os-volumes:create': member('Boot a server from a volume (former route).'),
  'os_compute_api:extensions': anyone('List the extensions of the compute API.'),
} as const satisfies Record<string, PolicyRule>;

export const computePolicy = {
  rules: { ...baseRules, ...serverRules, ...actionRules, ...flavorRules, ...cloudRules },
  denied: (name: string) => new Fault('forbidden', { detail: `Policy doesn't allow ${name} to be performed.` }),
} as const;

export const { route, unsupportedRoute, authorize, allows } = routesOf(computePolicy.rules);
