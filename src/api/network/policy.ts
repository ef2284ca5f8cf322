/** The rules of the network service, under Neutron's names (neutron/conf/policies). */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import type { Network } from '#store/tables/networks.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import { targetOf } from '../http/policy/rules.ts';
import { routesOf } from '../http/route.ts';
import { baseRules } from './rules/base.ts';
import { networkRules, subnetRules } from './rules/networks.ts';
import { otherRules } from './rules/others.ts';
import { portRules } from './rules/ports.ts';
import { qosRules } from './rules/qos.ts';
import { routerRules } from './rules/routers.ts';
import { securityGroupRules } from './rules/security-groups.ts';
import { sharingRules } from './rules/sharing.ts';
import { trunkRules } from './rules/trunks.ts';

const rules = {
  ...baseRules,
  ...networkRules,
  ...subnetRules,
  ...portRules,
  ...securityGroupRules,
  ...routerRules,
  ...sharingRules,
  ...trunkRules,
  ...qosRules,
  ...otherRules,
} as const;
export type NetworkRule = keyof typeof rules;

export const networkPolicy = {
  rules,
  denied: (name: string) => new Fault('policyNotAuthorized', { rule: name }),
  own: ({ project_id, ...caller }: Caller) => ({
    ...targetOf({ project_id, ...caller }),
    'network:project_id': project_id,
    'security_group:project_id': project_id,
    'ext_parent:project_id': project_id,
  }),
} as const;

export const { route, unsupportedRoute, authorize, allows } = routesOf(rules);

/** A network, subnet or port as a rule's target. */
export function targetIn(network: Network | undefined, { project_id, ...fields }: { readonly project_id: string }): PolicyTarget {
  return {
    ...fields,
    project_id,
    tenant_id: project_id,
    ...(network && {
      'network:project_id': network.project_id,
      'network:tenant_id': network.project_id,
      shared: network.shared,
      'router:external': network.external,
    }),
  };
}

type Action = `${'create' | 'update'}_${string}`;

type SetAttributes = {
  readonly fields: object;
  readonly target: PolicyTarget;
  /** Anyone may set an attribute to its default. */
  readonly defaults?: Readonly<Record<string, unknown>>;
};

/** Checks the rule of each attribute that a request sets; attributes in lists of objects have rules of their own. */
export function authorizeAttributes(request: FastifyRequest, action: Action, attributes: SetAttributes): void {
  const { fields, target, defaults = {} } = attributes;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || (Object.hasOwn(defaults, name) && defaults[name] === value)) continue;
    authorizeAttribute(request, `${action}:${name}`, target);
    for (const inner of innerNames(value)) authorizeAttribute(request, `${action}:${name}:${inner}`, target);
  }
}

function innerNames(value: unknown): Set<string> {
  const items = [value].flat();
  return new Set(items.flatMap((item) => (typeof item === 'object' && item !== null ? Object.keys(item) : [])));
}

function authorizeAttribute(request: FastifyRequest, name: string, target: PolicyTarget): void {
  if (Object.hasOwn(rules, name)) authorize(request, name as NetworkRule, target);
}
