/** The requests that both sides get. */
import { ask, type Request } from './load.ts';

/** Base URLs of one side, with the version. */
export type Side = {
  readonly name: string;
  readonly identity: string;
  readonly image: string;
  readonly network: string;
  readonly password: string;
  readonly pids: () => readonly number[];
};

export type Call = { readonly title: string; readonly request: Request };

/** Of a page: what the dashboards and the SDK ask for. */
export const pageSize = 100;
const json = { 'content-type': 'application/json' };

function login({ identity, password }: Side): Request {
  const domain = { name: 'Default' };
  const auth = {
    identity: { methods: ['password'], password: { user: { name: 'admin', password, domain } } },
    scope: { project: { name: 'admin', domain } },
  };
  return { method: 'POST', url: `${identity}/auth/tokens`, headers: json, body: JSON.stringify({ auth }) };
}

/** Logs in once. */
export async function tokenFor(side: Side): Promise<string> {
  return String((await ask(login(side))).headers['x-subject-token']);
}

export function callsFor(side: Side, token: string): Call[] {
  const headers = { 'x-auth-token': token };
  const get = (title: string, url: string, more = {}): Call => ({
    title,
    request: { method: 'GET', url, headers: { ...headers, ...more } },
  });
  return [
    { title: 'issue a token', request: login(side) },
    get('validate a token', `${side.identity}/auth/tokens`, { 'x-subject-token': token }),
    get('list images', `${side.image}/images?limit=${pageSize}`),
    get('list networks', `${side.network}/networks?limit=${pageSize}`),
    get('list ports', `${side.network}/ports?limit=${pageSize}`),
  ];
}
