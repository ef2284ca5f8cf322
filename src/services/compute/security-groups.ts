/**
 * Security groups of servers, which are those of their ports (nova/network/security_group_api.py). Nothing filters by
 * them; clients compare a server's groups with the requested ones, and would correct a difference each time.
 */
import { Fault } from '#domain/faults.ts';
import { isEqual, isOneOf } from '#store/conditions.ts';
import { defaultGroupOf } from '#store/default-security-group.ts';
import type { Store } from '#store/store.ts';
import type { SecurityGroup, SecurityGroupRule } from '#store/tables/security-groups.ts';
import type { Server } from '#store/tables/servers.ts';
import type { Caller } from '../caller.ts';
import { usableGroups } from '../network/port-security.ts';
import { visibleGroups } from '../network/security-groups.ts';
import type { ComputeContext } from './context.ts';
import { loadRelated, portsOf, type Related } from './related.ts';

type Reader = Pick<ComputeContext, 'store'>;

const defaultName = 'default';

/** Ids for the ports of a new server; `default` is what they have without a request. @throws Fault `badRequest`, `conflict` */
export async function requestedGroups(
  { store }: Reader,
  caller: Caller,
  groups: readonly { readonly name: string }[],
): Promise<string[]> {
  const names = [...new Set(groups.map(({ name }) => name))];
  if (names.every((name) => name === defaultName)) return [];
  const found = [];
  for (const name of names) {
    const group = name === defaultName ? await ownDefault(store, caller) : await findGroup(store, caller, name);
    if (!group) throw new Fault('badRequest', { detail: `Security group ${name} not found.` });
    found.push(group.id);
  }
  return found;
}

const ownDefault = (store: Store, { project_id }: Caller) => store.transaction((trx) => defaultGroupOf(trx, project_id));

/** By id or name. @throws Fault `conflict` if several have the name */
async function findGroup(store: Store, caller: Caller, name: string): Promise<SecurityGroup | undefined> {
  const [byId] = await store.security_groups.list([...visibleGroups(caller), isEqual('id', name)]);
  if (byId) return byId;
  const [group, other] = await store.security_groups.list({ name, project_id: caller.project_id }, { limit: 2 });
  if (!other) return group;
  const detail = `Multiple security_group matches found for name '${name}', use an ID to be more specific.`;
  throw new Fault('conflict', { detail });
}

/** As part of a server: of its ports, or those that they will have. */
export function groupsOfServer(server: Server, related: Related): { name: string }[] {
  const names = groupIdsOf(server, related).map((id) => related.groups.get(id) || id);
  return (names.length === 0 && !hasPorts(server, related) ? [defaultName] : names).map((name) => ({ name }));
}

const hasPorts = (server: Server, related: Related) => portsOf(server, related).length > 0;

function groupIdsOf(server: Server, related: Related): string[] {
  const ofPorts = portsOf(server, related).flatMap(({ security_groups }) => security_groups);
  return [...new Set(hasPorts(server, related) ? ofPorts : server.security_groups)];
}

/** As in `/servers/{id}/os-security-groups`: only rules for what comes in. */
export async function groupDetails({ store }: Reader, server: Server): Promise<object[]> {
  const related = await loadRelated(store, [server]);
  const ids = groupIdsOf(server, related);
  const where = ids.length > 0 || hasPorts(server, related) ? { id: ids } : { default_of: server.project_id };
  const groups = await store.security_groups.list(where);
  const rules = await store.security_group_rules.list({
    security_group_id: groups.map(({ id }) => id),
    direction: 'ingress',
  });
  const remotes = await store.security_groups.list([
    isOneOf(
      'id',
      rules.map(({ remote_group_id }) => remote_group_id ?? ''),
    ),
  ]);
  const named = new Map(remotes.map((group) => [group.id, group]));
  const byName = groups.sort((one, other) => (one.name < other.name ? -1 : 1));
  return byName.map(({ id, name, description, project_id }) => ({
    ...{ id, name, description, tenant_id: project_id },
    rules: rules.filter(({ security_group_id }) => security_group_id === id).map((rule) => ruleDetails(rule, named)),
  }));
}

/** Under Nova's names: without ports, a rule for a protocol permits all. */
function ruleDetails(rule: SecurityGroupRule, named: ReadonlyMap<string, SecurityGroup>): object {
  const { id, security_group_id, protocol, port_range_min, port_range_max, remote_group_id, remote_ip_prefix } = rule;
  const remote = named.get(remote_group_id ?? '');
  const isAll = protocol !== null && port_range_min === null && port_range_max === null;
  const [first, last] = protocol === 'tcp' || protocol === 'udp' ? [1, 65535] : [-1, -1];
  return {
    ...{ id, parent_group_id: security_group_id, ip_protocol: protocol },
    ...{ from_port: isAll ? first : port_range_min, to_port: isAll ? last : port_range_max },
    group: remote ? { name: remote.name, tenant_id: remote.project_id } : {},
    ip_range: remote ? {} : { cidr: remote_ip_prefix ?? '0.0.0.0/0' },
  };
}

type Asked = { readonly server: Server; readonly name: string };

/** To each of its ports. @throws Fault `missing`, `badRequest`, `conflict` */
export async function addGroup({ store }: Reader, caller: Caller, asked: Asked): Promise<void> {
  await store.transaction(async (trx) => {
    const { group, ports } = await partsOf(trx, caller, asked);
    for (const { id, project_id, port_security_enabled, fixed_ips, security_groups } of ports) {
      if (!port_security_enabled || fixed_ips.length === 0)
        throw new Fault('badRequest', {
          detail: 'Network requires port_security_enabled and subnet associated in order to apply security groups.',
        });
      if (security_groups.includes(group.id)) continue;
      const ids = await usableGroups(trx, caller, { project_id, ids: [...security_groups, group.id] });
      await trx.ports.update({ id }, { security_groups: ids, updated_at: new Date().toISOString() });
    }
  });
}

/** From each of its ports. @throws Fault `missing`, `conflict` */
export async function removeGroup({ store }: Reader, caller: Caller, asked: Asked): Promise<void> {
  await store.transaction(async (trx) => {
    const { group, ports } = await partsOf(trx, caller, asked);
    const members = ports.filter(({ security_groups }) => security_groups.includes(group.id));
    if (members.length === 0) throw missing(`Security group ${asked.name} not associated with the instance ${asked.server.id}`);
    for (const { id, security_groups } of members) {
      const left = security_groups.filter((each) => each !== group.id);
      await trx.ports.update({ id }, { security_groups: left, updated_at: new Date().toISOString() });
    }
  });
}

async function partsOf(trx: Store, caller: Caller, { server, name }: Asked) {
  const isDefault = name === defaultName;
  const group = isDefault ? await defaultGroupOf(trx, caller.project_id) : await findGroup(trx, caller, name);
  if (!group) throw missing(`Security group ${name} is not found for project ${caller.project_id}`);
  const ports = portsOf(server, await loadRelated(trx, [server]));
  if (ports.length > 0) return { group, ports };
  throw missing(`instance_id ${server.id} could not be found as device id on any ports`);
}

const missing = (detail: string) => new Fault('missing', { detail });
