import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify, { type FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requirePolicies } from './policy/require-policies.ts';
import { Policy, type PolicyRule } from './policy/rules.ts';
import { registerRoutes } from './register-routes.ts';
import { type Row, routesOf } from './route.ts';
import { since } from './versioned.ts';
import { viewOf } from './view.ts';

const rules = {
  base: { check: 'role:reader', description: 'Base.' },
  'thing:read': { check: 'rule:base', scopes: ['project'], description: 'Read things.' },
  'thing:write': { check: 'role:member', scopes: ['project'], description: 'Write things.' },
  'thing:secret': { check: 'role:admin', scopes: ['project'], description: 'See secrets.' },
} as const satisfies Record<string, PolicyRule>;
const policy = new Policy({ rules, denied: (name) => new Fault('forbidden', { detail: `no ${name}` }) });
const { route, unsupportedRoute } = routesOf(rules);

const nobody: Caller = { user_id: 'u', user_name: 'u', project_id: 'p', project_name: 'p', roles: [], is_admin: false };

/** Requests name their roles and version in headers. */
async function appWith(rows: readonly Row[]) {
  const app = fastify();
  app.setErrorHandler<Error>(
    (error, _, reply) => void reply.code(error instanceof Fault ? error.status : 500).send(error.message),
  );
  app.addHook('onRequest', async (request: FastifyRequest) => {
    const { roles = '', version = '1', scope = 'project' } = request.headers as Record<string, string>;
    const system = scope === 'system' && ({ system_scope: 'all', project_id: '' } as const);
    request.caller = { ...nobody, roles: roles.split(','), ...system };
    request.microversion = { major: 2, minor: Number(version) };
  });
  const refuseField = () => {
    throw new Fault('badRequest', { detail: 'field' });
  };
  registerRoutes(app as ApiScope, {} as ApiContext, { rows, policy, conventions: { refuseField } });
  return app;
}

const plain = { method: 'GET', path: '/things/:id', policy: 'thing:read', summary: 'Show a thing' } as const;
const named = (name: string) => ({ reply: Type.String(), handler: () => name });

test('the route of the requested version replies, and 404 names the version that has the route', async () => {
  const app = await appWith([
    route({ ...plain, since: 5, until: 9, ...named('old') }),
    route({ ...plain, since: 10, status: 203, ...named('new') }),
  ]);
  const ask = async (version: string) => {
    const { statusCode, body } = await app.inject({ url: '/things/1', headers: { roles: 'reader', version } });
    return [statusCode, body];
  };

  assert.deepEqual(await ask('7'), [200, 'old']);
  assert.deepEqual(await ask('10'), [203, 'new']);
  const [status, message] = await ask('4');
  assert.equal(status, 404);
  assert.match(String(message), /it needs 2\.5/);
});

test('checks the policy before validating the body, and a token of another scope matches no rule', async () => {
  const body = Type.Object({ name: Type.String() });
  const app = await appWith([
    route({ method: 'POST', path: '/things', policy: 'thing:write', summary: 'Make a thing', body, handler: () => {} }),
  ]);
  const ask = async (headers: Record<string, string>, payload: object) =>
    (await app.inject({ method: 'POST', url: '/things', headers, payload })).statusCode;

  assert.equal(await ask({ roles: 'reader' }, {}), 403);
  assert.equal(await ask({ roles: 'member' }, {}), 400);
  assert.equal(await ask({ roles: 'member' }, { name: 'x' }), 200);
  assert.equal(await ask({ roles: 'member', scope: 'system' }, { name: 'x' }), 403);
});

test('an action selects its route, with its own policy', async () => {
  const action = { method: 'POST', path: '/things/:id/action' } as const;
  const app = await appWith([
    route({ ...action, action: 'start', policy: 'thing:write', summary: 'Start', status: 202, handler: () => {} }),
    unsupportedRoute({ ...action, action: 'poll', policy: 'thing:read', what: 'Polling' }),
  ]);
  const ask = async (roles: string, payload: object) =>
    (await app.inject({ method: 'POST', url: '/things/1/action', headers: { roles }, payload })).statusCode;

  assert.equal(await ask('member,reader', { start: null }), 202);
  assert.equal(await ask('reader', { start: null }), 403);
  assert.equal(await ask('reader', { poll: null }), 501);
  for (const payload of [{ sing: null }, {}, { start: null, poll: null }, []]) assert.equal(await ask('member', payload), 400);
});

test('rejects a field of a later version in earlier ones, also inside objects', async () => {
  const body = Type.Object({ thing: Type.Object({ name: since(3, Type.Optional(Type.String())) }) });
  const app = await appWith([
    route({ method: 'PUT', path: '/things', policy: 'thing:read', summary: 'Change', body, handler: () => {} }),
  ]);
  const ask = async (version: string, thing: object) =>
    (await app.inject({ method: 'PUT', url: '/things', headers: { roles: 'reader', version }, payload: { thing } })).statusCode;

  assert.equal(await ask('3', { name: 'x' }), 200);
  assert.equal(await ask('2', { name: 'x' }), 400);
  assert.equal(await ask('2', {}), 200);
});

test('a view has the fields of the version, and those that a rule allows', async () => {
  const view = viewOf<{ name: string }, keyof typeof rules>()({
    name: { type: Type.String(), value: ({ name }) => name },
    size_text: { name: 'size', type: Type.String(), until: 4, value: () => 'big' },
    size: { type: Type.Integer(), since: 5, value: () => 7 },
    secret: { type: Type.String(), policy: 'thing:secret', value: () => 's' },
    odd: { type: Type.Boolean(), when: ({ name }) => name === 'odd', value: () => true },
  });
  const reply = Type.Object({ things: Type.Array(view.schema) });
  const handler = (request: FastifyRequest, context: ApiContext) => ({
    things: [{ name: 'even' }, { name: 'odd' }].map(view.of(request, context)),
  });
  const app = await appWith([route({ ...plain, path: '/things', reply, handler })]);
  const ask = async (roles: string, version: string) =>
    (await app.inject({ url: '/things', headers: { roles, version } })).json().things;

  assert.deepEqual(await ask('reader', '4'), [
    { name: 'even', size: 'big' },
    { name: 'odd', size: 'big', odd: true },
  ]);
  assert.deepEqual((await ask('reader', '5'))[0], { name: 'even', size: 7 });
  assert.deepEqual((await ask('reader,admin', '5'))[0], { name: 'even', size: 7, secret: 's' });
});

test('the start rejects unknown rules, overlapping versions and a route without a policy', async () => {
  const row = route({ ...plain, ...named('x') });
  await assert.rejects(appWith([{ ...row, policy: 'thing:none' }]), /there is no policy rule thing:none/);
  await assert.rejects(appWith([{ ...row, policy: 'base' }]), /there is no policy rule base with scopes/);
  await assert.rejects(appWith([row, { ...row, since: 9 }]), /the microversions of two rows overlap/);

  const app = fastify();
  requirePolicies(app);
  assert.throws(() => app.get('/open', () => 'x'), /GET \/open has no policy/);
  app.get('/public', { config: { policy: { public: 'For all.' } } }, () => 'x');
});
