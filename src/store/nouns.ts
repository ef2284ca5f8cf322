/** The list of nouns: each is one file of `tables/`, and here one line. The order is that in which rows may be copied. */
import type { Table } from './record-codec.ts';
import { AccessRules } from './tables/access-rules.ts';
import { AddressGroups } from './tables/address-groups.ts';
import { AddressScopes } from './tables/address-scopes.ts';
import { Allocations } from './tables/allocations.ts';
import { ApplicationCredentials } from './tables/application-credentials.ts';
import { BmcHealth } from './tables/bmc-health.ts';
import { CatalogEndpoints, CatalogServices, Regions } from './tables/catalogue.ts';
import { Chassis } from './tables/chassis.ts';
import { ConfigDrives } from './tables/config-drives.ts';
import { ConsoleTickets } from './tables/console-tickets.ts';
import { Credentials } from './tables/credentials.ts';
import { DeletedImages } from './tables/deleted-images.ts';
import { DeployTemplates } from './tables/deploy-templates.ts';
import { Domains } from './tables/domains.ts';
import { EndpointGroups, ProjectEndpointGroups, ProjectEndpoints } from './tables/endpoint-filter.ts';
import { EventSubscriptions } from './tables/event-subscriptions.ts';
import { Events } from './tables/events.ts';
import { FailedLogins } from './tables/failed-logins.ts';
import { FederationMappings, FederationProtocols, IdentityProviders } from './tables/federation.ts';
import { FetchedImages } from './tables/fetched-images.ts';
import { FirmwareUpdates } from './tables/firmware-updates.ts';
import { FlavorAccesses } from './tables/flavor-access.ts';
import { Flavors } from './tables/flavors.ts';
import { FloatingIps, PortForwardings } from './tables/floating-ips.ts';
import { GroupMembers, Groups } from './tables/groups.ts';
import { HeldAddresses } from './tables/held-addresses.ts';
import { ImageMembers } from './tables/image-members.ts';
import { ImageTasks } from './tables/image-tasks.ts';
import { Images } from './tables/images.ts';
import { InspectionRules } from './tables/inspection-rules.ts';
import { IpAllocations } from './tables/ip-allocations.ts';
import { Keypairs } from './tables/keypairs.ts';
import { Limits, RegisteredLimits } from './tables/limits.ts';
import { LoginAddresses } from './tables/login-addresses.ts';
import { MetadefItems, MetadefNamespaces, MetadefResourceTypes } from './tables/metadefs.ts';
import { NetworkAgents } from './tables/network-agents.ts';
import { NetworkQuotas } from './tables/network-quotas.ts';
import { NetworkSegments } from './tables/network-segments.ts';
import { Networks } from './tables/networks.ts';
import { NodeEndpoints } from './tables/node-endpoints.ts';
import { NodeLocks } from './tables/node-locks.ts';
import { NodePorts } from './tables/node-ports.ts';
import { NodeReservations } from './tables/node-reservations.ts';
import { Nodes } from './tables/nodes.ts';
import { Operations } from './tables/operations.ts';
import { PortBindings } from './tables/port-bindings.ts';
import { PortGroups } from './tables/port-groups.ts';
import { Ports } from './tables/ports.ts';
import { Projects } from './tables/projects.ts';
import { QosPolicies, QosRules } from './tables/qos.ts';
import { RbacPolicies } from './tables/rbac-policies.ts';
import { RevokedTokens } from './tables/revoked-tokens.ts';
import { RoleAssignments } from './tables/role-assignments.ts';
import { ImpliedRoles, Roles } from './tables/roles.ts';
import { RouterPorts, Routers } from './tables/routers.ts';
import { Runbooks } from './tables/runbooks.ts';
import { ScopeTokenRevisions } from './tables/scope-token-revisions.ts';
import { SecretsKeys } from './tables/secrets-key.ts';
import { DefaultSecurityGroupRules, SecurityGroupRules, SecurityGroups } from './tables/security-groups.ts';
import { Servers } from './tables/servers.ts';
import { SubnetPools } from './tables/subnet-pools.ts';
import { Subnets } from './tables/subnets.ts';
import { TrunkSubports, Trunks } from './tables/trunks.ts';
import { Trusts } from './tables/trusts.ts';
import { Users } from './tables/users.ts';
import { VolumeConnectors, VolumeTargets } from './tables/volumes.ts';

export const nouns = {
  allocations: Allocations,
  chassis: Chassis,
  nodes: Nodes,
  portgroups: PortGroups,
  node_ports: NodePorts,
  volume_connectors: VolumeConnectors,
  volume_targets: VolumeTargets,
  deploy_templates: DeployTemplates,
  runbooks: Runbooks,
  inspection_rules: InspectionRules,
  bmc_health: BmcHealth,
  node_reservations: NodeReservations,
  node_locks: NodeLocks,
  held_addresses: HeldAddresses,
  firmware_updates: FirmwareUpdates,
  event_subscriptions: EventSubscriptions,
  config_drives: ConfigDrives,
  node_endpoints: NodeEndpoints,
  flavor_access: FlavorAccesses,
  flavors: Flavors,
  keypairs: Keypairs,
  images: Images,
  image_members: ImageMembers,
  image_tasks: ImageTasks,
  deleted_images: DeletedImages,
  fetched_images: FetchedImages,
  metadef_namespaces: MetadefNamespaces,
  metadef_items: MetadefItems,
  metadef_resource_types: MetadefResourceTypes,
  security_groups: SecurityGroups,
  security_group_rules: SecurityGroupRules,
  default_security_group_rules: DefaultSecurityGroupRules,
  network_agents: NetworkAgents,
  network_quotas: NetworkQuotas,
  address_groups: AddressGroups,
  address_scopes: AddressScopes,
  subnet_pools: SubnetPools,
  qos_policies: QosPolicies,
  qos_rules: QosRules,
  rbac_policies: RbacPolicies,
  networks: Networks,
  network_segments: NetworkSegments,
  subnets: Subnets,
  ports: Ports,
  port_bindings: PortBindings,
  /** Written only by `engine/servers/addresses.ts`, together with `fixed_ips` of the port. */
  ip_allocations: IpAllocations,
  trunks: Trunks,
  trunk_subports: TrunkSubports,
  routers: Routers,
  router_ports: RouterPorts,
  floating_ips: FloatingIps,
  port_forwardings: PortForwardings,
  servers: Servers,
  operations: Operations,
  console_tickets: ConsoleTickets,
  domains: Domains,
  users: Users,
  projects: Projects,
  groups: Groups,
  group_members: GroupMembers,
  identity_providers: IdentityProviders,
  federation_mappings: FederationMappings,
  federation_protocols: FederationProtocols,
  roles: Roles,
  implied_roles: ImpliedRoles,
  role_assignments: RoleAssignments,
  regions: Regions,
  catalog_services: CatalogServices,
  catalog_endpoints: CatalogEndpoints,
  endpoint_groups: EndpointGroups,
  project_endpoints: ProjectEndpoints,
  project_endpoint_groups: ProjectEndpointGroups,
  registered_limits: RegisteredLimits,
  limits: Limits,
  access_rules: AccessRules,
  application_credentials: ApplicationCredentials,
  trusts: Trusts,
  credentials: Credentials,
  revoked_tokens: RevokedTokens,
  scope_token_revisions: ScopeTokenRevisions,
  login_addresses: LoginAddresses,
  failed_logins: FailedLogins,
  secrets_key: SecretsKeys,
} as const;

/** Events are written through the `EventLog`. */
export const tables: readonly Table[] = [...Object.values(nouns), Events].map(({ table }) => table);
