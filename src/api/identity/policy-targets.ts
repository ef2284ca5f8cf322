/** Keystone's names for the attributes of the objects that a request is about. */
import type { Domain } from '#store/tables/domains.ts';
import type { Group } from '#store/tables/groups.ts';
import type { Project } from '#store/tables/projects.ts';
import type { Role } from '#store/tables/roles.ts';
import type { User } from '#store/tables/users.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';

export const userTarget = ({ id, domain_id }: Pick<User, 'id' | 'domain_id'>): PolicyTarget => ({
  user_id: id,
  'target.user.id': id,
  'target.user.domain_id': domain_id,
});

export const projectTarget = ({ id, domain_id }: Pick<Project, 'id' | 'domain_id'>): PolicyTarget => ({
  project_id: id,
  'target.project.id': id,
  'target.project.domain_id': domain_id,
});

export const domainTarget = ({ id }: Pick<Domain, 'id'>): PolicyTarget => ({ domain_id: id, 'target.domain.id': id });

export const groupTarget = ({ id, domain_id }: Pick<Group, 'id' | 'domain_id'>): PolicyTarget => ({
  'target.group.id': id,
  'target.group.domain_id': domain_id,
});

/** Rules name the roles of the cloud: a role of a domain may have the same name, and imply others. */
export const roleTarget = (role: Pick<Role, 'name' | 'domain_id'> | undefined): PolicyTarget => ({
  'target.role.name': role?.domain_id === '' ? role.name : '',
});

export type TrustParties = { readonly trustor_user_id?: string | undefined; readonly trustee_user_id?: string | undefined };

export const trustTarget = ({ trustor_user_id, trustee_user_id }: TrustParties): PolicyTarget => ({
  'target.trust.trustor_user_id': trustor_user_id ?? null,
  'target.trust.trustee_user_id': trustee_user_id ?? null,
});

export const credentialTarget = ({ user_id }: { readonly user_id: string }): PolicyTarget => ({
  'target.credential.user_id': user_id,
});
