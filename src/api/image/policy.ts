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
const definitionReader = rule("rule:context_is_admin or role:reader and (project_id:%(project_id)s or 'public':%(visibility)s)");
const definitionAdmin = rule('rule:metadef_admin');
/** Who may not see a shared image does not find it: the rules allow it to everyone. */
const isSeen =
  "(project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s)";
const sharedMember = rule('rule:context_is_admin or role:member and project_id:%(member_id)s');
const readerOrMember = rule('rule:context_is_admin or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)');

const rules = {
  default: { check: '', scopes: ['project'], description: 'Everyone with a token for a project.' },
  context_is_admin: { check: 'role:admin', description: 'Who is an administrator of the cloud.' },
  service_api: { check: 'role:service or role:admin', description: 'Other services of the cloud.' },
  add_image: rule('rule:context_is_admin or role:member and project_id:%(project_id)s and project_id:%(owner)s')(
    'Create an image.',
  ),
  get_images: reader('List images.'),
  get_image: rule(`rule:context_is_admin or role:reader and ${isSeen}`)('Show an image.'),
  modify_image: member('Change an image and its tags.'),
  delete_image: member('Delete an image.'),
  'delete_image:force': admin('Delete an image that is in use (`force`, an extension of Ingot).'),
  publicize_image: admin('Make an image public.'),
  communitize_image: member('Make an image a community image.'),
  upload_image: member('Upload the data of an image.'),
  download_image: rule(`rule:context_is_admin or role:member and ${isSeen}`)('Download the data of an image.'),
  deactivate: member('Deactivate an image.'),
  reactivate: member('Reactivate an image.'),
  fetch_image_location: rule('rule:service_api')('List where the data of an image is kept.'),
  add_image_location: rule('rule:service_api or (role:member and project_id:%(project_id)s and project_id:%(owner)s)')(
    'Name a place where the data of an image is.',
  ),
  copy_image: admin('Copy an image to other stores.'),
  get_members: readerOrMember('List the projects that an image is shared with.'),
  get_member: readerOrMember('Show a project that an image is shared with.'),
  add_member: member('Share an image with a project.'),
  modify_member: sharedMember('Accept or reject a shared image.'),
  delete_member: member('Stop sharing an image with a project.'),
  stores_info_detail: rule('rule:context_is_admin or rule:service_api')('List image stores with their types.'),
  cache_list: admin('List cached images.'),
  cache_image: admin('Cache an image.'),
  cache_delete: admin('Remove images from the cache.'),
  cache_clean: admin('Remove invalid images from the cache.'),
  list_cached_nodes: admin('List the hosts that have an image in their cache.'),
  cache_prune: admin('Shrink the cache.'),
  tasks_api_access: admin('List and show tasks.'),
  metadef_default: { check: '', description: 'Everyone: for rules of a policy file.' },
  metadef_admin: { check: 'rule:context_is_admin', description: 'Who changes metadata definitions.' },
  get_metadef_namespace: definitionReader('Show a namespace of metadata definitions.'),
  get_metadef_namespaces: reader('List namespaces of metadata definitions.'),
  modify_metadef_namespace: definitionAdmin('Change a namespace of metadata definitions.'),
  add_metadef_namespace: definitionAdmin('Create a namespace of metadata definitions.'),
  delete_metadef_namespace: definitionAdmin('Delete a namespace of metadata definitions, or all objects or properties in it.'),
  get_metadef_object: definitionReader('Show an object of a namespace.'),
  get_metadef_objects: definitionReader('List the objects of a namespace.'),
  modify_metadef_object: definitionAdmin('Change an object of a namespace.'),
  add_metadef_object: definitionAdmin('Create an object in a namespace.'),
  delete_metadef_object: definitionAdmin('Delete an object of a namespace.'),
  list_metadef_resource_types: definitionReader('List resource types.'),
  get_metadef_resource_type: definitionReader('Show the resource types that a namespace is for.'),
  add_metadef_resource_type_association: definitionAdmin('Say that a namespace is for a resource type.'),
  remove_metadef_resource_type_association: definitionAdmin('Say that a namespace is not for a resource type.'),
  get_metadef_property: definitionReader('Show a property of a namespace.'),
  get_metadef_properties: definitionReader('List the properties of a namespace.'),
  modify_metadef_property: definitionAdmin('Change a property of a namespace.'),
  add_metadef_property: definitionAdmin('Create a property in a namespace.'),
  remove_metadef_property: definitionAdmin('Delete a property of a namespace.'),
  get_metadef_tag: definitionReader('Show a tag of a namespace.'),
  get_metadef_tags: definitionReader('List the tags of a namespace.'),
  modify_metadef_tag: definitionAdmin('Rename a tag of a namespace.'),
  add_metadef_tag: definitionAdmin('Create a tag in a namespace.'),
  add_metadef_tags: definitionAdmin('Create or replace the tags of a namespace.'),
  delete_metadef_tag: definitionAdmin('Delete a tag of a namespace.'),
  delete_metadef_tags: definitionAdmin('Delete all tags of a namespace.'),
} as const satisfies Record<string, PolicyRule>;

export const imagePolicy = {
  rules,
  /** With Glance's message. */
  denied: (name: string) => new Fault('forbidden', { detail: `You are not authorized to complete ${name} action.` }),
  own: (caller: Caller) => ({ ...targetOf(caller), owner: caller.project_id, member_id: caller.project_id }),
} as const;

export const { route, unsupportedRoute, authorize, allows } = routesOf(rules);

type Target = Pick<Image, 'owner'> & { readonly visibility?: string | undefined };

/** An image as a rule's target. @param caller who found it: the one that it is shared with, if it is another's */
export function targetIn({ owner, visibility }: Target, caller?: Caller): PolicyTarget {
  const isShared = visibility === 'shared' && caller !== undefined && caller.project_id !== owner && !caller.is_admin;
  const member_id = isShared ? caller.project_id : null;
  return { owner, project_id: owner, tenant_id: owner, visibility: visibility ?? 'private', member_id };
}

/** The rules of visibilities that not every owner may set. */
export const visibilityRules = { public: 'publicize_image', community: 'communitize_image' } as const;
