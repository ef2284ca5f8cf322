/** Security groups of ports, and whether they have port security: facts for clients, which nothing enforces. */
import { isOneOf } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Network } from '#store/tables/networks.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Caller } from '../caller.ts';
import { networkFault } from './errors.ts';
import { missingGroup } from './security-groups.ts';

type Security = Pick<Port, 'port_security_enabled' | 'security_groups'>;
type Asked = {
  readonly device_owner?: string | undefined;
  readonly port_security_enabled?: boolean | undefined;
  readonly security_groups?: readonly string[] | undefined;
};

/** Of a new port: absent fields get their defaults when it is made. @throws Fault `badRequest`, `missing`, `conflict` */
export async function newSecurityOf(
  trx: Store,
  caller: Caller,
  { network, project_id, request }: { network: Network; project_id: string; request: Asked },
): Promise<Partial<Security>> {
  const { device_owner = '', security_groups = [] } = request;
  const isTrusted = device_owner.startsWith('network:');
  const port_security_enabled = !isTrusted && (request.port_security_enabled ?? network.port_security_enabled);
  if (!port_security_enabled && security_groups.length > 0) throw unusable();
  if (isTrusted) return {};
  if (request.security_groups === undefined) return { port_security_enabled };
  return { port_security_enabled, security_groups: await usableGroups(trx, caller, { project_id, ids: security_groups }) };
}

/** @throws Fault `badRequest`, `missing`, `conflict` */
export async function changedSecurityOf(
  trx: Store,
  caller: Caller,
  { port, request }: { port: Port; request: Asked },
): Promise<Partial<Security>> {
  const { port_security_enabled = port.port_security_enabled, security_groups } = request;
  const ids = security_groups ?? port.security_groups;
  const hasChanged = security_groups !== undefined && !isSame(security_groups, port.security_groups);
  if (!port_security_enabled && ids.length > 0)
    throw security_groups === undefined
      ? networkFault(
          'PortSecurityPortHasSecurityGroup',
          'Port has security group associated. Cannot disable port security or IP address until security group is removed.',
        )
      : unusable();
  if (!hasChanged) return { port_security_enabled };
  return { port_security_enabled, security_groups: await usableGroups(trx, caller, { project_id: port.project_id, ids }) };
}

function unusable() {
  return networkFault(
    'PortSecurityAndIPRequiredForSecurityGroups',
    'Port security must be enabled and port must have an IP address in order to use security groups.',
  );
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}

/** Those that the port's project may use. @throws Fault `missing`, `conflict` */
export async function usableGroups(
  trx: Store,
  caller: Caller,
  { project_id, ids }: { project_id: string; ids: readonly string[] },
): Promise<string[]> {
  if (ids.length === 0) return [];
  const found = await trx.security_groups.list([isOneOf('id', [...ids])]);
  const shared = await trx.rbac_policies.sharedAmong(ids, project_id);
  const usable = found.filter((group) => caller.is_admin || group.project_id === project_id || shared.has(group.id));
  const missing = ids.filter((id) => !usable.some((group) => group.id === id));
  if (missing.length > 0) throw missingGroup(missing.join(', '));
  if (new Set(usable.map(({ stateful }) => stateful)).size > 1)
    throw networkFault(
      'SecurityGroupConflict',
      'Error Cannot apply both stateful and stateless security groups on the same port at the same time while attempting the operation.',
    );
  return [...new Set(ids)];
}
