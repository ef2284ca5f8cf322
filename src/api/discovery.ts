/** Version documents, which clients read before their first real request. No token needed. */
import type { FastifyRequest } from 'fastify';
import type { ApiContext, ApiScope } from './context.ts';
import { announceRange, formatVersion } from './http/microversions.ts';
import { microversionTable, type VersionedService } from './versions.ts';

/** Supported Glance revisions, oldest to newest; clients enable features by the newest. */
const imageVersions = ['2.0', '2.1', '2.2', '2.3', '2.4', '2.5', '2.6', '2.7', '2.8', '2.9', '2.10', '2.11', '2.12', '2.13'];

/** `keystone`: URL of the Keystone used instead of the identity service. */
type Document = (base: string, keystone: string | undefined) => object;
/** `announces`: the response headers also give the versions, as in every response of that service. */
type Discovery = {
  readonly path: string;
  readonly status: 200 | 300;
  readonly document: Document;
  readonly announces?: VersionedService;
};

const link = (href: string, rel = 'self') => ({ rel, href });

const openToAll = { public: 'Clients read the versions of a service before they log in.' };

const discoveryTable: readonly Discovery[] = [
  { path: '/', status: 200, document: services },
  { path: '/identity', status: 300, document: (base) => ({ versions: { values: [identityVersion(base)] } }) },
  { path: '/identity/v3', status: 200, document: (base) => ({ version: identityVersion(base) }) },
  { path: '/compute', status: 200, document: (base) => ({ versions: [computeVersion(base)] }) },
  {
    path: '/compute/v2.1',
    status: 200,
    document: (base) => ({ version: { ...computeVersion(base), 'media-types': [novaMedia] } }),
  },
  { path: '/image', status: 300, document: imageDocument },
  { path: '/image/versions', status: 200, document: imageDocument },
  { path: '/image/v2', status: 300, document: imageDocument },
  { path: '/network', status: 200, document: (base) => ({ versions: [networkVersion(base)] }) },
  { path: '/network/v2.0', status: 200, document: networkResources },
  { path: '/baremetal', status: 200, document: baremetalRoot, announces: 'baremetal' },
  { path: '/baremetal/v1', status: 200, document: baremetalV1, announces: 'baremetal' },
];

/** Registers all version documents at the root of the API. */
export function registerDiscovery(app: ApiScope, context: ApiContext): void {
  const keystone = context.settings['keystone.auth_url'] || undefined;
  for (const { path, status, document, announces } of discoveryTable) {
    if (keystone && path.startsWith('/identity')) continue;
    app.get(path, { config: { policy: openToAll } }, async (request: FastifyRequest, reply) => {
      reply.code(status);
      if (announces) announceRange(microversionTable[announces], reply);
      return document(context.baseUrl(request), keystone);
    });
  }
}

const novaMedia = { base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2.1' };

function services(base: string, keystone = `${base}/identity/v3`): object {
  const paths = {
    compute: '/compute/v2.1',
    image: '/image',
    network: '/network',
    baremetal: '/baremetal',
  };
  const urls = {
    identity: keystone,
    ...Object.fromEntries(Object.entries(paths).map(([type, path]) => [type, `${base}${path}`])),
  };
  return { name: 'Ingot', services: Object.entries(urls).map(([type, url]) => ({ type, links: [link(url)] })) };
}

function identityVersion(base: string): object {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [link(`${base}/identity/v3/`)],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  };
}

function computeVersion(base: string): object {
  return {
    id: 'v2.1',
    status: 'CURRENT',
    ...rangeOf('compute'),
    updated: '2013-07-23T11:33:21Z',
    links: [link(`${base}/compute/v2.1/`)],
  };
}

function imageDocument(base: string): object {
  const newest = imageVersions.at(-1);
  const versions = imageVersions.toReversed().map((version) => ({
    id: `v${version}`,
    status: version === newest ? 'CURRENT' : 'SUPPORTED',
    links: [link(`${base}/image/v2/`)],
  }));
  return { versions };
}

function networkVersion(base: string): object {
  return { id: 'v2.0', status: 'CURRENT', links: [link(`${base}/network/v2.0/`)] };
}

function networkResources(base: string): object {
  const resources = ['network', 'subnet', 'port', 'quota', 'extension'].map((name) => ({
    name,
    collection: `${name}s`,
    links: [link(`${base}/network/v2.0/${name}s`)],
  }));
  return { resources };
}

function baremetalVersion(base: string): object {
  return { id: 'v1', status: 'CURRENT', ...rangeOf('baremetal'), links: [link(`${base}/baremetal/v1/`)] };
}

function baremetalRoot(base: string): object {
  const version = baremetalVersion(base);
  const description = 'Ingot speaks the bare metal API of OpenStack Ironic.';
  return { name: 'OpenStack Ironic API', description, default_version: version, versions: [version] };
}

function baremetalV1(base: string): object {
  const resource = (name: string) => [link(`${base}/baremetal/v1/${name}/`), link(`${base}/baremetal/${name}/`, 'bookmark')];
  return {
    id: 'v1',
    links: [link(`${base}/baremetal/v1/`)],
    media_types: [{ base: 'application/json', type: 'application/vnd.openstack.ironic.v1+json' }],
    nodes: resource('nodes'),
    ports: resource('ports'),
    drivers: resource('drivers'),
    chassis: resource('chassis'),
    version: baremetalVersion(base),
  };
}

function rangeOf(service: VersionedService): { version: string; min_version: string } {
  const { min, max } = microversionTable[service];
  return { version: formatVersion(max), min_version: formatVersion(min) };
}
