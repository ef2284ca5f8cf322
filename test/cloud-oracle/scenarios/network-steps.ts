/** Steps about one kind of resource of the network service. */
import { get, post, put, remove, type Step } from '../scenario.ts';

type More = Partial<Omit<Step, 'name' | 'method' | 'path' | 'body'>>;
type Fields = Readonly<Record<string, unknown>>;

/** @param path such as `/security-groups` */
export function resourceSteps(noun: string, path: string, plural = `${noun}s`) {
  return {
    /** @param keeps name of the new id; '' = nobody needs it */
    make(name: string, keeps: string, fields: Fields, more: More = {}): Step {
      return post(name, path, { [noun]: fields }, { ...more, ...(keeps && { keeps: { [keeps]: `body.${noun}.id` } }) });
    },
    makeSeveral: (name: string, items: readonly Fields[], more: More = {}): Step => post(name, path, { [plural]: items }, more),
    change(name: string, key: string, fields: Fields, more: More = {}): Step {
      return put(name, `${path}/{${key}}`, { [noun]: fields }, more);
    },
    show: (name: string, key: string, more: More = {}): Step => get(name, `${path}/{${key}}`, more),
    drop: (name: string, key: string, more: More = {}): Step => remove(name, `${path}/{${key}}`, more),
    list: (query: string, more: More = {}): Step =>
      get(`listed by ${query}`, `${path}?${query}`, { ...(!more.isOrdered && { onlyNamed: true }), ...more }),
    /** One request for each odd value, all else being good. */
    odd(good: Fields, values: Readonly<Record<string, readonly unknown[]>>): Step[] {
      return Object.entries(values).flatMap(([field, each]) =>
        each.map((value) => post(`${field} ${inShort(value)}`, path, { [noun]: { ...good, [field]: value } })),
      );
    },
    oddChanges(key: string, values: Readonly<Record<string, readonly unknown[]>>): Step[] {
      return Object.entries(values).flatMap(([field, each]) =>
        each.map((value) => put(`${field} ${inShort(value)}`, `${path}/{${key}}`, { [noun]: { [field]: value } })),
      );
    },
    oddBodies: (): Step[] => [
      post('no body', path, undefined),
      ...[null, [], 5, 'x', {}, { [noun]: null }, { [noun]: [] }, { [noun]: 'x' }, { other: {} }, { [plural]: [] }].map((body) =>
        post(`a body ${JSON.stringify(body)}`, path, body),
      ),
      post('a body {', path, undefined, { raw: '{' }),
      put('missing', `${path}/${nobody}`, { [noun]: { description: 'x' } }),
      get('missing', `${path}/${nobody}`),
      get('of no UUID', `${path}/nothing`),
      remove('missing', `${path}/${nobody}`),
      get('listed by an unknown filter', `${path}?colour=red`),
      get('listed by an unknown sort key', `${path}?sort_key=colour`),
      get('listed by a wrong direction', `${path}?sort_key=id&sort_dir=up`),
      get('listed by a wrong limit', `${path}?limit=x`),
      get('listed by a negative limit', `${path}?limit=-1`),
      get('listed by an unknown marker', `${path}?limit=1&marker=${nobody}`),
      get('listed by no project', `${path}?project_id=${nobody}`),
      get('listed with an unknown field', `${path}?project_id=${nobody}&fields=colour`),
    ],
  };
}

/** The id of nothing. */
export const nobody = '00000000-0000-4000-8000-000000000000';

export const long = (length: number) => 'x'.repeat(length);

/** Where a text is expected. */
export const unlikeText = [null, 5, true, [], {}, long(255), long(256)];
export const unlikeFlag = [null, 'x', 5, 'false', 0, 1, [], {}];
/** No number: MariaDB would find an id that begins with it. */
export const unlikeId = [null, 'x', [], {}, nobody];

function inShort(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 60)}… (${text.length})` : text;
}

export const networks = resourceSteps('network', '/networks');
export const subnets = resourceSteps('subnet', '/subnets');
export const ports = resourceSteps('port', '/ports');
export const routers = resourceSteps('router', '/routers');

/** A project of that name with a user, whose token is kept as `memberToken`. */
export const member = (name: string): Step[] => [
  post('a project', '/projects', { project: { name } }, { service: 'identity', keeps: { members: 'body.project.id' } }),
  post(
    'a user',
    '/users',
    { user: { name, password: 'a long password' } },
    { service: 'identity', keeps: { memberId: 'body.user.id' } },
  ),
  get('the role of members', '/roles?name=member', { service: 'identity', keeps: { memberRole: 'body.roles.0.id' } }),
  put('the role', '/projects/{members}/users/{memberId}/roles/{memberRole}', undefined, { service: 'identity' }),
  post(
    'a login',
    '/auth/tokens',
    {
      auth: {
        identity: { methods: ['password'], password: { user: { id: '{memberId}', password: 'a long password' } } },
        scope: { project: { id: '{members}' } },
      },
    },
    { service: 'identity', as: null, keeps: { memberToken: 'headers.x-subject-token' } },
  ),
];
