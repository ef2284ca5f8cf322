/** Who has which role where: on projects, domains and the system, by groups, inherited and implied. */
import { get, head, patch, post, put, remove, type Scenario, type Step } from '../scenario.ts';

const base: readonly Step[] = [
  post('a domain', '/domains', { domain: { name: 'Delphi' } }, { keeps: { delphi: 'body.domain.id' } }),
  post('a project', '/projects', { project: { name: 'one', domain_id: '{delphi}' } }, { keeps: { one: 'body.project.id' } }),
  post(
    'a project below',
    '/projects',
    { project: { name: 'child', parent_id: '{one}' } },
    { keeps: { child: 'body.project.id' } },
  ),
  post(
    'a user',
    '/users',
    { user: { name: 'alice', domain_id: '{delphi}', password: 'secret-1' } },
    { keeps: { alice: 'body.user.id' } },
  ),
  post('a group', '/groups', { group: { name: 'staff', domain_id: '{delphi}' } }, { keeps: { staff: 'body.group.id' } }),
  put('a member', '/groups/{staff}/users/{alice}'),
  post('a role', '/roles', { role: { name: 'priest' } }, { keeps: { priest: 'body.role.id' } }),
  post(
    'a role of the domain',
    '/roles',
    { role: { name: 'local', domain_id: '{delphi}' } },
    { keeps: { local: 'body.role.id' } },
  ),
  post('a role that is implied', '/roles', { role: { name: 'guest' } }, { keeps: { guest: 'body.role.id' } }),
  put('the implication', '/roles/{priest}/implies/{guest}'),
];

const places = ['/projects/{one}', '/domains/{delphi}', '/system'];
const inherited = ['/OS-INHERIT/projects/{one}', '/OS-INHERIT/domains/{delphi}'];

function grantSteps(who: 'users/{alice}' | 'groups/{staff}'): Step[] {
  const roleIn = (place: string, role: string) => {
    const end = place.startsWith('/OS-INHERIT') ? '/inherited_to_projects' : '';
    return `${place}/${who}/roles/${role}${end}`;
  };
  return [...places, ...inherited].flatMap((place) => [
    put(`${who} on ${place}`, roleIn(place, '{priest}')),
    put(`${who} on ${place} again`, roleIn(place, '{priest}')),
    put(`${who} on ${place} a role that is missing`, roleIn(place, 'nothing')),
    put(`${who} on ${place} a role of a domain`, roleIn(place, '{local}')),
    get(`${who} on ${place}`, roleIn(place, '{priest}')),
    head(`${who} on ${place}`, roleIn(place, '{priest}')),
    get(`${who} on ${place} another`, roleIn(place, '{guest}')),
    get(
      `${who} on ${place} all`,
      place.startsWith('/OS-INHERIT') ? `${place}/${who}/roles/inherited_to_projects` : `${place}/${who}/roles`,
    ),
  ]);
}

const takeSteps = (who: 'users/{alice}' | 'groups/{staff}'): Step[] =>
  [...places, ...inherited].flatMap((place) => {
    const path = `${place}/${who}/roles/{priest}${place.startsWith('/OS-INHERIT') ? '/inherited_to_projects' : ''}`;
    return [remove(`${who} on ${place}`, path), remove(`${who} on ${place} again`, path)];
  });

const queries = [
  ...['user.id={alice}', 'group.id={staff}', 'user.id={alice}&effective', 'user.id={alice}&effective=false', 'role.id={priest}'],
  ...[
    'role.id={guest}&effective&user.id={alice}',
    'scope.project.id={one}',
    'scope.project.id={child}&effective',
    'scope.domain.id={delphi}',
  ],
  ...[
    'scope.project.id={one}&include_subtree=true',
    'scope.project.id={one}&include_subtree',
    'scope.system=all&user.id={alice}',
  ],
  ...[
    'user.id={alice}&include_names',
    'user.id={alice}&include_names=0',
    'scope.project.id={one}&include_names=true&effective=true',
  ],
  ...[
    'scope.OS-INHERIT:inherited_to=projects',
    'scope.OS-INHERIT:inherited_to=projects&effective',
    'user.id=nothing',
    'role.id=nothing',
  ],
  ...[
    'scope.project.id=nothing',
    'group.id={staff}&effective',
    'user.id={alice}&group.id={staff}',
    'scope.project.id={one}&scope.domain.id={delphi}',
  ],
  ...['include_subtree=true', 'scope.system=some', 'user.id={alice}&colour=red'],
];

const assignments: Scenario = {
  name: 'assignments',
  service: 'identity',
  steps: [
    ...base,
    ...grantSteps('users/{alice}'),
    ...grantSteps('groups/{staff}'),
    put('to a user that is missing', '/projects/{one}/users/nothing/roles/{priest}'),
    put('to a group that is missing', '/projects/{one}/groups/nothing/roles/{priest}'),
    put('on a project that is missing', '/projects/nothing/users/{alice}/roles/{priest}'),
    put('on a domain that is missing', '/domains/nothing/users/{alice}/roles/{priest}'),
    get('roles of a user that is missing', '/projects/{one}/users/nothing/roles'),
    get('roles on a project that is missing', '/projects/nothing/users/{alice}/roles'),
    ...queries.map((query) => get(`by ${query}`, `/role_assignments?${query}`, { onlyNamed: true })),
    head('by user', '/role_assignments?user.id={alice}'),
    get('projects of the user', '/users/{alice}/projects'),
    ...takeSteps('users/{alice}'),
    get('by the group alone', '/role_assignments?user.id={alice}&effective'),
    remove('the group', '/groups/{staff}'),
    get('without the group', '/role_assignments?user.id={alice}&effective'),
    put('once more', '/projects/{one}/users/{alice}/roles/{priest}'),
    remove('the role', '/roles/{priest}'),
    get('without the role', '/role_assignments?user.id={alice}'),
    remove('the user', '/users/{alice}'),
    remove('the implied role', '/roles/{guest}'),
    patch('the domain', '/domains/{delphi}', { domain: { enabled: false } }),
    remove('the domain', '/domains/{delphi}'),
  ],
};

export const assignmentScenarios: readonly Scenario[] = [assignments];
