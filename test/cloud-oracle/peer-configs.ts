/** Settings of both sides: what Ingot has is switched on in Debian's services, and limits are the same. */
import type { MoreConfig, PeerName } from '#bench/cloud/peer-config.ts';
import type { SettingName } from '#settings.ts';

export const peerConfig: MoreConfig = {
  glance: { DEFAULT: { enabled_import_methods: '[glance-direct, web-download, copy-image]' } },
  ml2: { ml2: { mechanism_drivers: 'openvswitch' } },
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
