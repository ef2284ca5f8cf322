/** The configuration of Nova and Placement: Ingot is their Keystone, Glance, Neutron and Ironic. */

/** Ports on 127.0.0.1, and the folder of all state in the root folder. */
export const novaPort = 8774;
export const placementPort = 8778;
export const folder = '/srv/nova';

export const databases = ['nova_api', 'nova', 'nova_cell0', 'placement'] as const;

export function databaseUrl(name: (typeof databases)[number]): string {
  return `mysql+pymysql://root@localhost/${name}?unix_socket=${folder}/mysql.sock`;
}

export type Cloud = { readonly url: string; readonly password: string };

type Section = Readonly<Record<string, string | number>>;

export function configText(cloud: Cloud): string {
  return Object.entries(sectionsFor(cloud))
    .map(([name, options]) => `[${name}]\n${linesOf(options)}\n`)
    .join('');
}

function linesOf(options: Section): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} = ${value}`)
    .join('\n');
}

function sectionsFor({ url, password }: Cloud): Readonly<Record<string, Section>> {
  const login = {
    ...{ auth_type: 'password', auth_url: `${url}/identity/v3`, username: 'admin', password, project_name: 'admin' },
    ...{ user_domain_name: 'Default', project_domain_name: 'Default' },
  };
  return {
    DEFAULT: {
      ...{ host: 'nova-compute', my_ip: '127.0.0.1', transport_url: 'rabbit://guest:guest@127.0.0.1:5672/' },
      ...{ state_path: folder, instances_path: `${folder}/instances`, api_paste_config: '/etc/nova/api-paste.ini' },
      ...{ compute_driver: 'ironic.IronicDriver', enabled_apis: 'osapi_compute', update_resources_interval: 10 },
      ...{ osapi_compute_listen: '127.0.0.1', osapi_compute_listen_port: novaPort, osapi_compute_workers: 1 },
    },
    api_database: { connection: databaseUrl('nova_api') },
    database: { connection: databaseUrl('nova') },
    placement_database: { connection: databaseUrl('placement') },
    conductor: { workers: 1 },
    scheduler: { workers: 1, discover_hosts_in_cells_interval: 5 },
    keystone_authtoken: { ...login, www_authenticate_uri: `${url}/identity/v3` },
    ironic: login,
    neutron: login,
    placement: { ...login, endpoint_override: `http://127.0.0.1:${placementPort}` },
    oslo_concurrency: { lock_path: `${folder}/lock` },
  };
}
