/** The configuration of Debian's Keystone, Glance and Neutron beside each other. All else is as the packages bring it. */

/** Folder of all state in the root folder. */
export const folder = '/srv/cloud';
export const password = 'bench';
export const databases = ['keystone', 'glance', 'neutron'] as const;
export type PeerName = (typeof databases)[number];
/** Beside those of a cloud on this host. */
export const ports: Readonly<Record<PeerName, number>> = { keystone: 15_000, glance: 19_292, neutron: 19_696 };
export const urlOf = (name: PeerName) => `http://127.0.0.1:${ports[name]}`;

const database = (name: PeerName) => ({
  connection: `mysql+pymysql://root@localhost/${name}?unix_socket=${folder}/mysql.sock`,
});
const login = {
  ...{ auth_type: 'password', auth_url: `${urlOf('keystone')}/v3`, www_authenticate_uri: `${urlOf('keystone')}/v3` },
  ...{ username: 'admin', password, project_name: 'admin', user_domain_name: 'Default', project_domain_name: 'Default' },
};

type Section = Readonly<Record<string, string | number>>;
export type Config = Readonly<Record<string, Section>>;

const keystone: Config = { database: database('keystone'), token: { provider: 'fernet' } };

const glance: Config = {
  database: database('glance'),
  keystone_authtoken: login,
  paste_deploy: { flavor: 'keystone' },
  glance_store: { default_backend: 'file', filesystem_store_datadir: '/var/lib/glance/images' },
};

const neutron: Config = {
  DEFAULT: { core_plugin: 'ml2', service_plugins: '', auth_strategy: 'keystone', transport_url: 'fake:' },
  database: database('neutron'),
  keystone_authtoken: login,
  oslo_concurrency: { lock_path: `${folder}/lock` },
};

const ml2: Config = {
  ml2: { type_drivers: 'flat,vlan', tenant_network_types: 'vlan', mechanism_drivers: '', extension_drivers: 'port_security' },
  ml2_type_vlan: { network_vlan_ranges: 'physnet1' },
};

export type MoreConfig = Partial<Readonly<Record<PeerName | 'ml2', Config>>>;

/** @param more options in addition, or in place of those here @returns the text of each file */
export function configFiles(more: MoreConfig): Readonly<Record<string, string>> {
  return {
    '/etc/keystone/keystone.conf': textOf(keystone, more.keystone),
    '/etc/glance/glance-api.conf': textOf(glance, more.glance),
    '/etc/neutron/neutron.conf': textOf(neutron, more.neutron),
    '/etc/neutron/plugins/ml2/ml2_conf.ini': textOf(ml2, more.ml2),
  };
}

function textOf(config: Config, more: Config = {}): string {
  const lines = (section: Section) => Object.entries(section).map(([name, value]) => `${name} = ${value}`);
  return Object.keys({ ...config, ...more })
    .map((name) => [`[${name}]`, ...lines({ ...config[name], ...more[name] }), ''].join('\n'))
    .join('\n');
}
