/** How projects are shown, and by what they are listed. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { allOf, type Condition, hasItem, isNot, isOneOf } from '#store/conditions.ts';
import type { Domain } from '#store/tables/domains.ts';
import type { Project } from '#store/tables/projects.ts';
import { type ListFields, textField } from '../http/list.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';
import { isSet } from './query-flags.ts';
import { CollectionLinks, Id, OptionFields, ResourceOptions, SelfLink, TagFields, Tags } from './schemas.ts';

export const ProjectRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, pattern: somethingVisible }),
  description: Maybe(Type.String()),
  domain_id: Maybe(Id),
  parent_id: Maybe(Id),
  enabled: Type.Optional(Type.Boolean()),
  is_domain: Type.Optional(Type.Boolean()),
  tags: Type.Optional(TagFields),
  options: Type.Optional(OptionFields),
});
export type ProjectRequest = Static<typeof ProjectRequest>;

/** A project, or a domain as the project that acts as it. */
export type ShownProject = Project & { readonly is_domain?: true };

export const projectOfDomain = (domain: Domain): ShownProject => ({ ...domain, domain_id: '', parent_id: '', is_domain: true });

const NullableId = Nullable(Type.String());

export const projectView = viewOf<ShownProject>()({
  id: { type: Type.String(), value: ({ id }) => id },
  name: { type: Type.String(), value: ({ name }) => name },
  description: { type: Type.String(), value: ({ description }) => description },
  domain_id: { type: NullableId, value: ({ domain_id }) => domain_id || null },
  parent_id: { type: NullableId, value: ({ parent_id }) => parent_id || null },
  is_domain: { type: Type.Boolean(), value: ({ is_domain = false }) => is_domain },
  enabled: { type: Type.Boolean(), value: ({ enabled }) => enabled },
  tags: { type: Tags, value: ({ tags }) => tags },
  options: { type: ResourceOptions, value: ({ options }) => options },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/projects/${id}`) },
});
export const ProjectReply = Type.Object({ project: projectView.schema });
export const ProjectsReply = Type.Object({ projects: Type.Array(projectView.schema), links: CollectionLinks });

/** A project has no more: longer lists would only make a long statement. */
const tagsMost = 80;

function tagsOf([text = '']: readonly string[]): string[] {
  const tags = text.split(',').filter((tag) => tag !== '');
  if (tags.length > tagsMost) throw new Fault('badRequest', { detail: `A list is filtered by at most ${tagsMost} tags.` });
  return tags;
}

const hasAll = (tags: readonly string[]): Condition => allOf(...tags.map((tag) => hasItem('tags', [tag])));

export const projectFields: ListFields = {
  name: textField('name'),
  domain_id: textField('domain_id'),
  parent_id: textField('parent_id'),
  enabled: { filter: (values) => isOneOf('enabled', values.map(isSet)), sort: ['enabled'] },
  tags: { filter: (values) => hasAll(tagsOf(values)) },
  'tags-any': { filter: (values) => hasItem('tags', tagsOf(values)) },
  'not-tags': { filter: (values) => isNot(hasAll(tagsOf(values))) },
  'not-tags-any': { filter: (values) => isNot(hasItem('tags', tagsOf(values))) },
};
