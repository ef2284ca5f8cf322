/** The rules of the image service, under Glance's names (glance/policies). */
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import type { Image } from '#store/tables/images.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import { type PolicyRule, targetOf } from '../http/policy/rules.ts';
import { routesOf } from '../http/route.ts';

const rule =
  (check: string) =>
  (description: string): PolicyRule => ({ check, scopes: ['project'], description });

const admin = rule('rule:context_is_admin');
const member = rule('rule:context_is_admin or role:member and project_id:%(project_id)s');
const reader = rule('rule:context_is_admin or role:reader and project_id:%(project_id)s');
const visible = rule(
  "rule:context_is_admin or role:reader and (project_id:%(project_id)s or 'community':%(visibility)s or 'public':%(visibility)s)",
);

const rules = {
  default: { check: '', scopes: ['project'], description: 'Everyone with a token for a project.' },
  context_is_admin: { check: 'role:admin', description: 'Who is an administrator of the cloud.' },
  add_image: rule('rule:context_is_admin or role:member and project_id:%(project_id)s and project_id:%(owner)s')(
    'Create an image.',
  ),
  get_images: reader('List images.'),
  get_image: visible('Show an image.'),
  modify_image: member('Change an image and its tags.'),
  delete_image: member('Delete an image.'),
  'delete_image:force': admin('Delete an image that is in use (`force`, an extension of Ingot).'),
  publicize_image: admin('Make an image public.'),
  communitize_image: member('Make an image a community image.'),
  upload_image: member('Upload the data of an image.'),
  download_image: visible('Download the data of an image.'),
  deactivate: member('Deactivate an image.'),
  reactivate: member('Reactivate an image.'),
  copy_image: admin('Copy an image to other stores.'),
  get_members: reader('List the projects that an image is shared with.'),
  add_member: member('Share an image with a project.'),
  tasks_api_access: reader('List tasks.'),
} as const satisfies Record<string, PolicyRule>;

export const imagePolicy = {
  rules,
  /** With Glance's message. */
  denied: (name: string) => new Fault('forbidden', { detail: `You are not authorized to complete ${name} action.` }),
  own: (caller: Caller) => ({ ...targetOf(caller), owner: caller.project_id }),
} as const;

export const { route, unsupportedRoute, authorize, allows } = routesOf(rules);

/** An image as a rule's target. */
export function targetIn({
  owner,
  visibility,
}: Pick<Image, 'owner'> & { readonly visibility?: string | undefined }): PolicyTarget {
  return { owner, project_id: owner, tenant_id: owner, visibility: visibility ?? 'private' };
}

/** The rules of visibilities that not every owner may set. */
export const visibilityRules = { public: 'publicize_image', community: 'communitize_image' } as const;
