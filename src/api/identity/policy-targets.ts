/** Keystone's names for the attributes of the objects that a request is about. */
import type { Domain } from '#store/tables/domains.ts';
import type { Project } from '#store/tables/projects.ts';
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
