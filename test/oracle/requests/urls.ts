/** Raw paths and queries: encoded, duplicated, overlong, and unusual methods. */
import { get, type Method, type Row } from '../row.ts';

const by = (method: Method, path: string): Row => ({ name: `url: ${method} ${path}`, ask: { method, path } });

export const urlRows: readonly Row[] = [
  by('HEAD', '/nodes'),
  by('HEAD', '/nodes/$NODE'),
  by('HEAD', '/nodes/n7'),
  by('POST', '/nodes/$NODE/states/power'),
  by('DELETE', '/nodes/$NODE/states'),
  by('PATCH', '/nodes'),
  by('PATCH', '/drivers/fake-hardware'),
  by('DELETE', '/ports'),
  by('DELETE', '/conductors'),
  by('PUT', '/nodes/$NODE/validate'),
  get('url: a comma that is encoded', '/nodes?fields=uuid%2Cname'),
  get('url: a name that is encoded', '/nodes/%6e1'),
  get('url: a zero byte in a name', '/nodes/n%001'),
  get('url: bytes that are no UTF-8', '/nodes/%ff%fe'),
  get('url: a wrong escape', '/nodes/%zz'),
  get('url: a slash that is encoded', '/nodes/n1%2Fports'),
  get('url: a dot', '/nodes/.'),
  get('url: slashes that are doubled', '//nodes//$NODE'),
  get('url: a query that begins twice', '/nodes?limit=1?marker=2'),
  get('url: a query without a name', '/nodes?=1'),
  get('url: ampersands alone', '/nodes?&&'),
  get('url: a name of 300 characters', `/nodes/${'n'.repeat(300)}`),
  get('url: a query of 4000 characters', `/nodes?owner=${'o'.repeat(4000)}`),
  get('url: bytes that are no UTF-8 in a query', '/nodes?owner=%ff'),
  get('url: a zero byte in a query', '/nodes?owner=a%00b'),
  get('url: a plus in a query', '/nodes?owner=a+b', { given: { node: { owner: 'a b' } } }),
  get('url: capitals', '/NODES'),
];
