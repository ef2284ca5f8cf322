/** Callers of every role and scope, with tokens: for tests that send a request as each of them. */
import assert from 'node:assert/strict';
import type { ApiFixture } from './api-fixture.ts';

const roles = ['reader', 'member', 'manager', 'admin', 'service'] as const;
type Role = (typeof roles)[number];
type Place = 'project' | 'other project' | 'third project' | 'domain' | 'system';

/** `nobody` has no token, `unscoped` one without a scope; the others have one role in one scope. */
export type PersonaName = 'nobody' | 'unscoped' | `${Role} of the ${Place}`;

export type Persona = {
  readonly name: PersonaName;
  /** Empty for `nobody`. */
  readonly user_id: string;
  /** Empty unless the token's scope is a project. */
  readonly project_id: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** Ids of the two projects; without them, two new ones. */
export type ProjectIds = { readonly own: string; readonly other: string; readonly third?: string };

const password = 'a long password';

/** In the order in which a table of them reads well. */
export async function createPersonas(fixture: ApiFixture, projects?: ProjectIds): Promise<Persona[]> {
  const made = async () => ({ own: await createProject(fixture, 'own'), other: await createProject(fixture, 'other') });
  const { own, other, third }: ProjectIds = projects ?? (await made());
  const scopes: readonly (readonly [Place, path: string, scope: object, project_id: string])[] = [
    ['project', `projects/${own}`, { project: { id: own } }, own],
    ['other project', `projects/${other}`, { project: { id: other } }, other],
    ...(third === undefined ? [] : [['third project', `projects/${third}`, { project: { id: third } }, third] as const]),
    ['domain', 'domains/default', { domain: { id: 'default' } }, ''],
    ['system', 'system', { system: { all: true } }, ''],
  ];
  const personas: Persona[] = [{ name: 'nobody', user_id: '', project_id: '', headers: { 'x-auth-token': '' } }];
  personas.push(await createPersona(fixture, { name: 'unscoped', scope: 'unscoped', project_id: '' }));
  for (const [place, path, scope, project_id] of scopes) {
    for (const role of roles)
      personas.push(await createPersona(fixture, { name: `${role} of the ${place}`, scope, project_id, grant: { path, role } }));
  }
  return personas;
}

export async function createProject(fixture: ApiFixture, name: string): Promise<string> {
  return (await ask(fixture, 'POST', 'projects', { project: { name: `project-${name}` } })).project.id;
}

type NewPersona = {
  readonly name: PersonaName;
  readonly scope: unknown;
  readonly project_id: string;
  readonly grant?: { readonly path: string; readonly role: Role };
};

async function createPersona(fixture: ApiFixture, { name, scope, project_id, grant }: NewPersona): Promise<Persona> {
  const { user } = await ask(fixture, 'POST', 'users', { user: { name, password } });
  if (grant) await ask(fixture, 'PUT', `${grant.path}/users/${user.id}/roles/${grant.role}`);
  const identity = { methods: ['password'], password: { user: { id: user.id, password } } };
  const payload = { auth: { identity, scope } };
  const reply = await fixture.app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload });
  assert.equal(reply.statusCode, 201, reply.body);
  return { name, user_id: user.id, project_id, headers: { 'x-auth-token': String(reply.headers['x-subject-token']) } };
}

async function ask(fixture: ApiFixture, method: 'POST' | 'PUT', path: string, payload?: object) {
  const reply = await fixture.ask({ method, url: `/identity/v3/${path}`, ...(payload && { payload }) });
  assert.ok(reply.status < 300, `${path}: ${JSON.stringify(reply.body)}`);
  return reply.body;
}
