/** Tokens of all methods and scopes, and what a user without rights may do. */
import { login, tokenShown } from '../logins.ts';
import { get, head, patch, post, put, remove, type Scenario, type Step } from '../scenario.ts';

const alice = { id: '{alice}' };
const by = (user: object) => ({ methods: ['password'], password: { user } });

const tokens: Scenario = {
  name: 'tokens',
  service: 'identity',
  steps: [
    post('a domain', '/domains', { domain: { name: 'Delphi' } }, { keeps: { delphi: 'body.domain.id' } }),
    post('a project', '/projects', { project: { name: 'one', domain_id: '{delphi}' } }, { keeps: { one: 'body.project.id' } }),
    post(
      'another project',
      '/projects',
      { project: { name: 'two', domain_id: '{delphi}' } },
      { keeps: { two: 'body.project.id' } },
    ),
    post(
      'a user',
      '/users',
      { user: { name: 'alice', domain_id: '{delphi}', password: 'secret-1', default_project_id: '{one}' } },
      {
        keeps: { alice: 'body.user.id' },
      },
    ),
    login('before there is a role', { user: alice, password: 'secret-1', keeps: 'unscoped' }),
    login('on a project without a role', { user: alice, password: 'secret-1', scope: { project: { id: '{one}' } } }),
    put('a role on the project', '/projects/{one}/users/{alice}/roles/{memberRole}'),
    put('a role on the domain', '/domains/{delphi}/users/{alice}/roles/{readerRole}'),
    put('a role on the system', '/system/users/{alice}/roles/{readerRole}'),
    login('on the default project', { user: alice, password: 'secret-1', keeps: 'aliceToken' }),
    login('of no scope', { user: alice, password: 'secret-1', scope: 'unscoped', keeps: 'unscoped' }),
    login('of no scope by an object', { user: alice, password: 'secret-1', scope: { unscoped: {} } }),
    login('by name and domain id', { user: { name: 'alice', domain: { id: '{delphi}' } }, password: 'secret-1' }),
    login('by name and domain name', { user: { name: 'alice', domain: { name: 'Delphi' } }, password: 'secret-1' }),
    login('by name without a domain', { user: { name: 'alice' }, password: 'secret-1' }),
    login('by name and another domain', { user: { name: 'alice', domain: { id: 'default' } }, password: 'secret-1' }),
    login('with the wrong password', { user: alice, password: 'wrong' }),
    login('of nobody', { user: { id: 'nobody' }, password: 'wrong' }),
    login('by project name', {
      user: alice,
      password: 'secret-1',
      scope: { project: { name: 'one', domain: { name: 'Delphi' } } },
    }),
    login('by project name without a domain', { user: alice, password: 'secret-1', scope: { project: { name: 'one' } } }),
    login('on another project', { user: alice, password: 'secret-1', scope: { project: { id: '{two}' } } }),
    login('on a project that is missing', { user: alice, password: 'secret-1', scope: { project: { id: 'nothing' } } }),
    login('on the domain', { user: alice, password: 'secret-1', scope: { domain: { id: '{delphi}' } }, keeps: 'domainToken' }),
    login('on the domain by name', { user: alice, password: 'secret-1', scope: { domain: { name: 'Delphi' } } }),
    login('on a domain that is missing', { user: alice, password: 'secret-1', scope: { domain: { id: 'nothing' } } }),
    login('on the system', { user: alice, password: 'secret-1', scope: { system: { all: true } }, keeps: 'systemToken' }),
    login('on a part of the system', { user: alice, password: 'secret-1', scope: { system: { all: false } } }),
    login('on two scopes', {
      user: alice,
      password: 'secret-1',
      scope: { project: { id: '{one}' }, domain: { id: '{delphi}' } },
    }),
    login('on an unknown scope', { user: alice, password: 'secret-1', scope: { planet: { id: 'x' } } }),
    login('on an empty scope', { user: alice, password: 'secret-1', scope: {} }),
    login('on a scope that is a text', { user: alice, password: 'secret-1', scope: 'all' }),
    login('on a project that is empty', { user: alice, password: 'secret-1', scope: { project: {} } }),
    login('by an unknown method', { identity: { methods: ['magic'], magic: {} } }),
    login('by no method', { identity: { methods: [] } }),
    login('without methods', { identity: {} }),
    login('by a method without its data', { identity: { methods: ['password'] } }),
    login('by password and token', { identity: { ...by({ ...alice, password: 'secret-1' }), methods: ['password', 'token'] } }),
    login('without a password', { identity: by(alice) }),
    login('with a password that is a number', { identity: by({ ...alice, password: 5 }) }),
    login('without a user', { identity: { methods: ['password'], password: {} } }),
    login('by an unscoped token', {
      identity: { methods: ['token'], token: { id: '{unscoped}' } },
      scope: { project: { id: '{one}' } },
      keeps: 'rescoped',
    }),
    login('by a token without a scope', { identity: { methods: ['token'], token: { id: '{aliceToken}' } } }),
    login('by a token that is none', { identity: { methods: ['token'], token: { id: 'x' } } }),
    login('by no token', { identity: { methods: ['token'], token: {} } }),
    ...['unscoped', 'aliceToken', 'domainToken', 'systemToken', 'rescoped'].map((name) => tokenShown(name, name)),
    { ...tokenShown('without a catalogue', 'aliceToken'), path: '/auth/tokens?nocatalog' },
    { ...tokenShown('another, as administrator', 'aliceToken'), as: 'adminToken' },
    { ...tokenShown('another, as a member', 'adminToken'), as: 'aliceToken' },
    { ...tokenShown('by no token', 'aliceToken'), as: null },
    get('none named', '/auth/tokens'),
    get('one that is none', '/auth/tokens', { headers: { 'x-subject-token': 'x' } }),
    head('shown', '/auth/tokens', { headers: { 'x-subject-token': '{aliceToken}' } }),
    get('projects', '/auth/projects', { as: 'aliceToken' }),
    get('domains', '/auth/domains', { as: 'aliceToken' }),
    get('system', '/auth/system', { as: 'aliceToken' }),
    get('projects of no scope', '/auth/projects', { as: 'unscoped' }),
    get('catalogue of no scope', '/auth/catalog', { as: 'unscoped' }),
    get('catalogue without a token', '/auth/catalog', { as: null }),
    ...forbidden(),
    remove('one that is none', '/auth/tokens', { headers: { 'x-subject-token': 'x' } }),
    remove('another, as a member', '/auth/tokens', { headers: { 'x-subject-token': '{adminToken}' }, as: 'aliceToken' }),
    remove('revoked', '/auth/tokens', { headers: { 'x-subject-token': '{rescoped}' }, as: 'rescoped' }),
    get('with one that is revoked', '/auth/projects', { as: 'rescoped' }),
    tokenShown('revoked', 'rescoped'),
    patch('the user disabled', '/users/{alice}', { user: { enabled: false } }),
    get('of a user that is disabled', '/auth/projects', { as: 'aliceToken' }),
    login('of a user that is disabled', { user: alice, password: 'secret-1' }),
    patch('the user enabled', '/users/{alice}', { user: { enabled: true } }),
    login('once more', { user: alice, password: 'secret-1', keeps: 'aliceToken' }),
    patch('the project disabled', '/projects/{one}', { project: { enabled: false } }),
    get('of a project that is disabled', '/auth/projects', { as: 'aliceToken' }),
    login('on a project that is disabled', { user: alice, password: 'secret-1', scope: { project: { id: '{one}' } } }),
    login('on a default project that is disabled', { user: alice, password: 'secret-1' }),
    patch('the domain', '/domains/{delphi}', { domain: { enabled: false } }),
    login('of a domain that is disabled', { user: alice, password: 'secret-1', scope: 'unscoped' }),
    remove('the domain', '/domains/{delphi}'),
    login('of a user that is deleted', { user: alice, password: 'secret-1' }),
  ],
};

/** As a member, and by the reader of a domain and of the system. */
function forbidden(): Step[] {
  const paths = [
    '/users',
    '/projects',
    '/domains',
    '/groups',
    '/roles',
    '/services',
    '/endpoints',
    '/regions',
    '/role_assignments',
  ];
  const more = [
    '/users/{alice}',
    '/users/{adminId}',
    '/projects/{one}',
    '/projects/{two}',
    '/domains/{delphi}',
    '/users/{alice}/projects',
  ];
  const lists = ['/credentials', '/policies', '/limits', '/registered_limits', '/role_inferences', '/OS-TRUST/trusts'];
  const owns = [
    '/users/{alice}/groups',
    '/users/{alice}/application_credentials',
    '/users/{alice}/credentials/OS-EC2',
    '/users/{alice}/access_rules',
  ];
  return [...paths, ...more, ...lists, ...owns].flatMap((path) => [
    get(`${path} as a member`, path, { as: 'aliceToken', onlyNamed: true }),
    get(`${path} as reader of the domain`, path, { as: 'domainToken', onlyNamed: true }),
    get(`${path} as reader of the system`, path, { as: 'systemToken', onlyNamed: true }),
    get(`${path} with no scope`, path, { as: 'unscoped', onlyNamed: true }),
  ]);
}

export const tokenScenarios: readonly Scenario[] = [tokens];
