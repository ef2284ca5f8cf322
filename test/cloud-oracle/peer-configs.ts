/** Settings of both sides: what Ingot has is switched on in Debian's services, and limits are the same. */
import type { MoreConfig } from '#bench/cloud/peer-config.ts';
import type { SettingName } from '#settings.ts';

export const peerConfig: MoreConfig = {
  glance: { DEFAULT: { enabled_import_methods: '[glance-direct, web-download, copy-image]' } },
  ml2: { ml2: { mechanism_drivers: 'openvswitch' } },
};

export const ingotSettings: Partial<Record<SettingName, string>> = {};

/** In the root folder; Glance's service user writes there. */
export const glanceFolders = ['images', 'staging', 'tasks'].map((name) => `/var/lib/glance/${name}`);
