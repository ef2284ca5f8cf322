/** Steps that log in. */
import { post, type Step } from './scenario.ts';

type Login = {
  /** Name under which the token is kept. */
  readonly keeps?: string;
  readonly user?: object;
  readonly password?: string;
  readonly scope?: unknown;
  /** In place of the method password. */
  readonly identity?: object;
};

/** By default as the administrator in the project admin. */
export function login(name: string, { keeps, user, password = 'bench', scope, identity }: Login): Step {
  const by = { methods: ['password'], password: { user: { ...(user ?? { id: '{adminId}' }), password } } };
  const auth = { identity: identity ?? by, ...(scope !== undefined && { scope }) };
  return post(
    name,
    '/auth/tokens',
    { auth },
    { as: null, ...(keeps !== undefined && { keeps: { [keeps]: 'headers.x-subject-token' } }) },
  );
}

/** A token read by itself. */
export function tokenShown(name: string, token: string): Step {
  return { name, method: 'GET', path: '/auth/tokens', headers: { 'x-subject-token': `{${token}}` }, as: token };
}
