/** Settings of both sides: what Ingot has is switched on in Debian's services, and limits are the same. */
import type { MoreConfig, PeerName } from '#bench/cloud/peer-config.ts';
import type { SettingName } from '#settings.ts';

export const peerConfig: MoreConfig = {
  glance: { DEFAULT: { enabled_import_methods: '[glance-direct, web-download, copy-image]' } },
  neutron: { DEFAULT: { service_plugins: 'router,port_forwarding,qos,trunk,segments' } },
  ml2: {
    ml2: {
      ...{ type_drivers: 'local,flat,vlan,gre,vxlan,geneve', mechanism_drivers: 'openvswitch' },
      extension_drivers:
        'port_security,qos,dns,data_plane_status,uplink_status_propagation,port_numa_affinity_policy,tag_ports_during_bulk_creation',
    },
    ml2_type_vxlan: { vni_ranges: '1:1000' },
    ml2_type_gre: { tunnel_id_ranges: '1:1000' },
    ml2_type_geneve: { vni_ranges: '1:1000' },
  },
};

export const ingotSettings: Partial<Record<SettingName, string>> = {};

/** In the root folder; Glance's service user writes there. */
export const glanceFolders = ['images', 'staging', 'tasks'].map((name) => `/var/lib/glance/${name}`);

const oneWorker = ['--processes', '1'];
/** Without a buffer, uWSGI resets the connection of a request whose body was refused unread. */
const buffered = [...oneWorker, '--post-buffering', '65536'];
export const peerWords: Readonly<Record<PeerName, readonly string[]>> = {
  ...{ keystone: buffered, glance: oneWorker, neutron: buffered },
};
