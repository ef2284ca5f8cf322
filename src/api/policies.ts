/** The rules of all services, and the operator's policy file applied to them. */
import { baremetalPolicy } from './baremetal/policy.ts';
import { computePolicy } from './compute/policy.ts';
import type { ServiceName } from './http/fault-replies.ts';
import { type PolicyOverrides, readPolicyFile } from './http/policy/policy-file.ts';
import { type Policies, Policy, type PolicyOptions } from './http/policy/rules.ts';
import { identityPolicy } from './identity/policy.ts';
import { imagePolicy } from './image/policy.ts';
import { networkPolicy } from './network/policy.ts';

type PolicySource = Pick<PolicyOptions, 'rules' | 'denied' | 'own'>;

export const policyTable: Record<ServiceName, PolicySource> = {
  identity: identityPolicy,
  compute: computePolicy,
  image: imagePolicy,
  network: networkPolicy,
  baremetal: baremetalPolicy,
};

/** @param file of `policy.file`; empty = the defaults. @throws Fault `policyFile` */
export function createPolicies(file: string): Policies {
  const known = (name: string) => Object.values(policyTable).some(({ rules }) => Object.hasOwn(rules, name));
  const overrides: PolicyOverrides = file === '' ? new Map() : readPolicyFile(file, known);
  const policies = Object.entries(policyTable).map(([service, source]) => [service, new Policy({ ...source, overrides })]);
  return Object.fromEntries(policies) as Policies;
}
