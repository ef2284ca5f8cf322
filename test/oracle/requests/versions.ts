/** Microversions in client requests. */
import { get, type Row } from '../row.ts';

const asked = (version: string): Row => get(`version: ${version || 'empty'}`, '/nodes', { version });
const other = (name: string, headers: Record<string, string>, version: string | null = null): Row =>
  get(`version: ${name}`, '/nodes', { version, headers });

export const versionRows: readonly Row[] = [
  get('version: none', '/nodes', { version: null }),
  asked('1.1'),
  asked('1.0'),
  asked('1.999'),
  asked('0.1'),
  asked('2.1'),
  asked('1'),
  asked('1.'),
  asked('.1'),
  asked('1.1.1'),
  asked('-1.1'),
  asked('1.-1'),
  asked('1.01'),
  asked('01.1'),
  asked('v1.1'),
  asked('1,1'),
  asked('1.1 '),
  asked('one'),
  asked(''),
  get('version: LATEST', '/nodes', { version: 'LATEST', sees: ['status', 'body'] }),
  get('version: Latest', '/nodes', { version: 'Latest', sees: ['status', 'body'] }),
  asked('1.99999999999999999999'),
  get('version: latest', '/nodes', { version: 'latest', sees: ['status', 'body'] }),
  other('by the shared header', { 'openstack-api-version': 'baremetal 1.30' }),
  other('by the shared header of another service', { 'openstack-api-version': 'compute 2.30' }),
  other('by both headers', { 'openstack-api-version': 'baremetal 1.30' }, '1.31'),
];
