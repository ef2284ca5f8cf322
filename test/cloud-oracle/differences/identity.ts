/** Intended differences between Keystone 22 and Ingot. */
import type { Difference } from '../../oracle/row.ts';
import type { Kind } from '../kind.ts';
import { noReply } from '../side.ts';

/** What a member of a project may read in Ingot. */
const readable = /^tokens: GET \/(projects|roles|services|endpoints|regions|role_inferences|domains)/;

export const identityKinds: readonly Kind[] = [
  {
    service: 'identity',
    at: /(\.colour|endpoints?\..*(name|description))$/,
    holds: ({ ingot }) => ingot === undefined,
    why: 'Keystone keeps fields that it does not know; Ingot has those that the API describes',
  },
  {
    service: 'identity',
    at: /\.description$/,
    holds: ({ peer, ingot }) => (peer === undefined || peer === null) && ingot === '',
    why: 'a description that nobody gave is empty, of all resources',
  },
  {
    service: 'identity',
    at: /users?\..*(email|description)$/,
    holds: ({ peer, ingot }) => (peer === null || peer === '') && ingot === undefined,
    why: 'what is empty is not shown',
  },
  {
    service: 'identity',
    at: /\.extra$/,
    holds: ({ ingot }) => ingot === undefined,
    why: 'private to Keystone, after a PATCH alone',
  },
  { service: 'identity', at: /^status$/, holds: ({ peer }) => peer === noReply, why: 'Keystone ends without a reply' },
  {
    service: 'identity',
    at: /^status$/,
    steps: readable,
    holds: ({ peer, ingot }) => peer === 403 && ingot === 200,
    why: 'whoever has a token may read the catalogue and the roles, and sees its own projects and domain',
  },
  {
    service: 'identity',
    at: /^headers\.content-type$/,
    holds: ({ ingot }) => ingot === undefined,
    why: 'no content, no type',
  },
  {
    service: 'identity',
    at: /^body\.(token\.)?catalog\.\[(keystone|identity|compute|image|network|baremetal)\]/,
    why: "each cloud's own services",
  },
  {
    service: 'identity',
    at: /^body\.token\.(expires|issued)_at$/,
    holds: ({ peer, ingot }) => peer === 'TIME .6 Z' && ingot === 'TIME .3 Z',
    why: 'milliseconds; both are of RFC 3339',
  },
  {
    service: 'identity',
    at: /^body\.role_assignments\./,
    steps: /effective|the group alone|without the group/,
    why: 'Ingot shows once for each place what is in effect, the system too; Keystone each way by which it comes there',
  },
  {
    service: 'identity',
    at: /^body\.role_assignments\./,
    steps: /assignments: GET by scope\.(OS-INHERIT:inherited_to=projects|system=some)|role_assignments as reader of the system/,
    why: "each cloud's first assignments; Keystone takes those of the system for inherited ones",
  },
  {
    service: 'identity',
    at: /^body\.role_inferences\./,
    why: "each cloud's own roles",
  },
  {
    service: 'identity',
    at: /^body\.services\.\[(identity|compute|image|network|baremetal|keystone|\{(nameless|two)\})\]/,
    steps: /^services: GET listed/,
    why: "each cloud's own services, which Ingot filters by whole values alone",
  },
];

export const identityDifferences: Readonly<Record<string, Difference>> = {
  'regions: POST region with parent_region_id of 302 characters': {
    why: 'refused by both: ids are limited in length',
    status: [404, 400],
  },
  'services: POST service with description 5': {
    why: 'texts of the catalogue are texts, of 255 characters at most',
    status: [201, 400],
  },
  'services: POST service with description true': {
    why: 'texts of the catalogue are texts, of 255 characters at most',
    status: [201, 400],
  },
  'services: POST service with description ["x"]': {
    why: 'texts of the catalogue are texts, of 255 characters at most',
    status: [201, 400],
  },
  'services: POST service with description {"x":1}': {
    why: 'texts of the catalogue are texts, of 255 characters at most',
    status: [201, 400],
  },
  'endpoints: POST endpoint with region_id null': { why: 'null is none', status: [400, 201] },
  'endpoints: POST endpoint with region null': { why: 'null is none', status: [400, 201] },
  'endpoints: POST endpoint with name 5': { why: 'texts of the catalogue are texts', status: [201, 400] },
  'endpoints: POST endpoint with name null': { why: 'texts of the catalogue are texts', status: [201, 400] },
  'endpoint groups: POST endpoint_group with filters {"interface":"none"}': {
    why: 'a filter that no endpoint can match is refused',
    status: [201, 400],
  },
  'endpoint groups: POST endpoint_group with filters {"interface":null}': {
    why: 'a filter that no endpoint can match is refused',
    status: [201, 400],
  },
  'endpoint groups: POST endpoint_group with filters {"region_id":5}': {
    why: 'a filter that no endpoint can match is refused',
    status: [201, 400],
  },
  'domains: POST with an id': { why: 'Keystone keeps the fields of the request', at: ['body.domain.explicit_domain_id'] },
  'domains: PATCH no longer immutable': { why: 'a domain of Keystone 22 stays immutable for ever', status: [403, 200] },
  'domains: POST domain with options []': { why: 'options that are unknown are refused', status: [201, 400] },
  'domains: POST domain with options "x"': { why: 'options that are unknown are refused', status: [201, 400] },
  'domains: POST domain with options {"colour":1}': { why: 'options that are unknown are refused', status: [201, 400] },
  'domains: DELETE the other': { why: 'a domain of Keystone 22 stays immutable for ever', status: [403, 204] },
  'projects: GET tags': { why: 'Keystone leaves out the path of the tags, or the project', at: ['body.links.self'] },
  'projects: PUT a tag': { why: 'Keystone leaves out the path of the tags, or the project', at: ['headers.location'] },
  'projects: PUT a tag again': {
    why: 'the API says that it is there then, with 201; Keystone 22 stores it twice and refuses that',
    status: [400, 201],
  },
  'projects: PUT tags ["xxxxxxxxxxxxxxxxxx259': {
    why: 'Keystone leaves out the path of the tags, or the project',
    at: ['body.links.self'],
  },
  'projects: PUT tags': { why: 'Keystone leaves out the path of the tags, or the project', at: ['body.links.self'] },
  'users: POST user with email 5': { why: 'an address is a text', status: [201, 400] },
  'users: POST user with password of 4099 characters': { why: 'refused where no hash would cover the whole', status: [201, 400] },
  'users: POST user with federated null': { why: "not a field of Ingot's users", status: [400, 201] },
  'users: POST user with federated [{"idp_id":"x","protocols":[]}]': { why: "not a field of Ingot's users", status: [400, 201] },
  'users: PATCH user with password of 4099 characters': {
    why: 'refused where no hash would cover the whole',
    status: [200, 400],
  },
  'roles: POST of a domain that is missing': { why: 'a role belongs to a domain that exists', status: [201, 404] },
  'roles: GET listed': {
    why: "each cloud's own roles",
    at: [
      'body.roles.[{readerRole}].description',
      'body.roles.[{memberRole}].description',
      'body.roles.[{adminRole}].description',
    ],
  },
  'roles: POST role with description null': { why: 'null is none', status: [400, 201] },
  'roles: POST role with domain_id 5': { why: 'a domain id is a text', status: [201, 400] },
  'roles: POST role with domain_id ""': { why: 'a domain id is a text', at: ['body.role.domain_id'] },
  'roles: DELETE lost': { why: 'a role belongs to a domain that exists', status: [204, 404] },
  'assignments: GET users/{alice} on /OS-INHERIT/projects/{one} all': {
    why: "no such route; Keystone's page is Flask's",
    at: ['headers.content-type', 'body'],
  },
  'assignments: GET groups/{staff} on /OS-INHERIT/projects/{one} all': {
    why: "no such route; Keystone's page is Flask's",
    at: ['headers.content-type', 'body'],
  },
  'tokens: POST on a project that is empty': { why: 'refused by both; Ingot asks for the password first', status: [400, 401] },
  'tokens: POST by an unknown method': {
    why: "each cloud's own methods",
    at: [
      'body.error.identity.methods.0',
      'body.error.identity.methods.1',
      'body.error.identity.methods.2',
      'body.error.identity.methods.3',
      'body.error.identity.methods.4',
      'body.error.identity.methods.5',
    ],
  },
  'tokens: POST by no method': { why: 'refused by both: no method is no login', status: [401, 400] },
  'tokens: POST without a password': { why: 'refused by both: what is missing is a fault of the request', status: [401, 400] },
  'tokens: POST by a token that is none': { why: 'a token that is none is no login', status: [404, 401] },
  'tokens: GET another, as a member': {
    why: 'whoever may not read a token must not learn whether there is one',
    status: [403, 404],
  },
  'tokens: GET none named': { why: 'a header is missing; nothing was looked for', status: [404, 400] },
  'tokens: GET /users as reader of the system': {
    why: "each cloud's first user, project and roles",
    at: ['body.users.[{adminId}].default_project_id'],
  },
  'tokens: GET /projects as reader of the system': {
    why: "each cloud's first user, project and roles",
    at: ['body.projects.[{adminProject}].description'],
  },
  'tokens: GET /roles as reader of the system': {
    why: "each cloud's first user, project and roles",
    at: [
      'body.roles.[{readerRole}].description',
      'body.roles.[{memberRole}].description',
      'body.roles.[{adminRole}].description',
    ],
  },
  'tokens: GET /users/{adminId} as reader of the system': {
    why: "each cloud's first user, project and roles",
    at: ['body.user.default_project_id'],
  },
  'tokens: GET /policies as reader of the system': {
    why: 'policies that are stored are not there (docs/limits.md)',
    status: [200, 501],
  },
  'tokens: GET /users/{alice}/credentials/OS-EC2 as reader of the domain': {
    why: 'the rule is for projects and the system',
    status: [200, 403],
  },
  'tokens: GET /users/{alice}/access_rules as reader of the domain': {
    why: 'the rule is for projects and the system',
    status: [200, 403],
  },
  'tokens: DELETE another, as a member': {
    why: 'whoever may not read a token must not learn whether there is one',
    status: [403, 404],
  },
  'tokens: GET of a project that is disabled': { why: 'a token of a project that is disabled is void', status: [404, 401] },
  'endpoint groups: GET checked': { why: 'Keystone leaves out its URL', at: ['body.project_endpoint_group.links.self'] },
  'services: DELETE service with description 5': { why: 'texts of the catalogue are texts', status: [204, 404] },
  'services: DELETE service with description true': { why: 'texts of the catalogue are texts', status: [204, 404] },
  'services: DELETE service with description ["x"]': { why: 'texts of the catalogue are texts', status: [204, 404] },
  'services: DELETE service with description {"x":1}': { why: 'texts of the catalogue are texts', status: [204, 404] },
  'endpoints: DELETE endpoint with region_id null': { why: 'null is none', status: [404, 204] },
  'endpoints: DELETE endpoint with region null': { why: 'null is none', status: [404, 204] },
  'endpoints: DELETE endpoint with name 5': { why: 'texts of the catalogue are texts', status: [204, 404] },
  'endpoints: DELETE endpoint with name null': { why: 'texts of the catalogue are texts', status: [204, 404] },
  'roles: HEAD implied': { why: 'what a HEAD leaves out has a type', at: ['headers.content-type'] },
};
