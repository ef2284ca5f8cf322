/** The option `immutable` of domains, projects and roles, as in Keystone. */
import { Fault } from '#domain/faults.ts';
import type { ResourceOptions } from '#store/tables/domains.ts';

type Kind = 'domain' | 'project' | 'role';
type Resource = { readonly id: string; readonly options: ResourceOptions };

/** Options of a request; null unsets one. */
export type OptionFields = { readonly immutable?: boolean | null };

/** Only the option itself can be changed, and alone. */
export function refuseUpdate(kind: Kind, { id, options }: Resource, fields: { readonly options?: OptionFields }): void {
  if (!options.immutable) return;
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  const isUnset = fields.options?.immutable === false || fields.options?.immutable === null;
  if (given.length === 1 && isUnset) return;
  throw immutable('update', kind, id);
}

export function refuseDelete(kind: Kind, { id, options }: Resource): void {
  if (options.immutable) throw immutable('delete', kind, id);
}

function immutable(verb: 'update' | 'delete', kind: Kind, id: string): Fault {
  const detail = `Unable to ${verb} immutable ${kind} resource: \`${id}. Set resource option "immutable" to false first.`;
  return new Fault('forbidden', { detail });
}

/** The former options with those of a request. */
export function changedOptions(former: ResourceOptions, { immutable }: OptionFields): ResourceOptions {
  if (immutable === undefined) return former;
  return immutable === null ? {} : { immutable };
}
