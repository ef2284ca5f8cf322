/** Access of projects to resources of the network service that other projects own, as in Neutron. */
import { type Condition, isAmong, isEqual, isOneOf } from '../conditions.ts';
import { RevisedCollection, type UnnamedAttributes } from './standard-attributes.ts';

export const sharedTypes = ['network', 'security_group', 'address_group', 'address_scope', 'subnetpool', 'qos_policy'] as const;
export type SharedType = (typeof sharedTypes)[number];

export type RbacPolicy = UnnamedAttributes & {
  object_type: SharedType;
  object_id: string;
  action: 'access_as_shared' | 'access_as_external';
  /** `*`: all projects. */
  target_project: string;
};

const isFor = (project_id: string) => isOneOf('target_project', ['*', project_id]);

/** The resource is shared with the project. */
export function isSharedWith(object_type: SharedType, project_id: string): Condition {
  const where = [isEqual('object_type', object_type), isEqual('action', 'access_as_shared'), isFor(project_id)];
  return isAmong('id', { table: 'rbac_policies', select: 'object_id', where });
}

/** The resource is shared with the project, or is an external network for it. */
export function isShownTo(object_type: SharedType, project_id: string): Condition {
  const where = [isEqual('object_type', object_type), isFor(project_id)];
  return isAmong('id', { table: 'rbac_policies', select: 'object_id', where });
}

export class RbacPolicies extends RevisedCollection<RbacPolicy> {
  static override readonly table = { name: 'rbac_policies' };

  /** Those of the resources that are shared with the project. */
  async sharedAmong(ids: readonly string[], project_id: string): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const where = { object_id: [...new Set(ids)], action: 'access_as_shared' as const, target_project: ['*', project_id] };
    return new Set((await this.pick(['object_id'], where)).map(({ object_id }) => object_id));
  }
}
