/** Scopes by their kind. */
import type { Scope } from '#store/tables/role-assignments.ts';

export const systemScope: Scope = { scope_type: 'system', scope_id: 'all' };
export const domainScope = (id: string): Scope => ({ scope_type: 'domain', scope_id: id });
export const projectScope = (id: string): Scope => ({ scope_type: 'project', scope_id: id });
