/** `/rbac-policies`: which projects may use what another one owns. */
import { Type } from 'typebox';
import {
  createPolicy,
  deletePolicy,
  missingPolicy,
  type NewPolicy,
  type PolicyChanges,
  updatePolicy,
  visiblePolicies,
} from '#services/network/rbac-policies.ts';
import { listTables } from '#store/list-tables.ts';
import type { RbacPolicy } from '#store/tables/rbac-policies.ts';
import { textField, textFields } from '../http/list.ts';
import { viewOf } from '../http/view.ts';
import { type NetworkRule, targetIn } from './policy.ts';
import { resourceOf, resourceRoutes } from './resource.ts';
import { Owner } from './standard-attributes.ts';

const Text = Type.String();
const Target = Type.Optional(Type.String({ maxLength: 255 }));

const policyView = viewOf<RbacPolicy, NetworkRule>()({
  id: { type: Text, value: ({ id }) => id },
  project_id: { type: Text, value: ({ project_id }) => project_id },
  tenant_id: { type: Text, value: ({ project_id }) => project_id },
  object_type: { type: Text, value: ({ object_type }) => object_type },
  object_id: { type: Text, value: ({ object_id }) => object_id },
  action: { type: Text, value: ({ action }) => action },
  target_project: { type: Text, value: ({ target_project }) => target_project },
  target_tenant: { type: Text, value: ({ target_project }) => target_project },
});

/** Under both names, for the rules about `*`. */
function bothTargets({ target_project, target_tenant }: PolicyChanges) {
  const target = target_project ?? target_tenant;
  return target === undefined ? {} : { target_project: target, target_tenant: target };
}

export const rbacPolicies = resourceOf<RbacPolicy, NewPolicy, PolicyChanges>()({
  noun: 'rbac_policy',
  plural: 'rbac_policies',
  path: 'rbac-policies',
  title: 'an RBAC policy',
  collection: (store) => store.rbac_policies,
  table: listTables.rbac_policies,
  visible: visiblePolicies,
  missing: missingPolicy,
  fields: {
    ...textFields('id', 'project_id', 'object_type', 'object_id', 'action', 'target_project'),
    tenant_id: textField('project_id'),
    target_tenant: textField('target_project'),
  },
  view: policyView,
  items: async (_, rows) => rows,
  create: {
    body: Type.Object(
      {
        ...Owner,
        object_type: Type.String({ maxLength: 255 }),
        object_id: Type.String({ maxLength: 36 }),
        action: Type.String({ maxLength: 255 }),
        target_tenant: Target,
        target_project: Target,
      },
      { additionalProperties: false },
    ),
    target: ({ request: { caller } }, fields) =>
      targetIn(undefined, {
        ...bothTargets(fields),
        project_id: fields.project_id ?? fields.tenant_id ?? caller.project_id,
      }),
    run: ({ request, context }, fields) => createPolicy(context, request.caller, fields),
  },
  update: {
    body: Type.Object({ target_tenant: Target, target_project: Target }, { additionalProperties: false }),
    changes: (_, fields) => bothTargets(fields),
    run: ({ request, context }, policy, fields) => updatePolicy(context, request.caller, policy, fields),
  },
  remove: ({ context }, policy) => deletePolicy(context, policy),
});

export const rbacRoutes = resourceRoutes(rbacPolicies);
