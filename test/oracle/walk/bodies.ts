/** What clients send to each route: the first is the typical body, from which others are made. */
import type { Row } from '#api/http/route.ts';
import { identTable, nobody } from './resources.ts';

const own = 'aaaaaaaa-2222-4222-8222-222222222222';
const { node } = identTable;

/** By method and path. A new record has other values where those of the walk's own must be unique. */
const bodyTable: Readonly<Record<string, readonly unknown[]>> = {
  'POST /nodes': [{ driver: 'fake-hardware', uuid: own, name: 'new', properties: { cpus: 1 }, extra: { a: 1 } }],
  'POST /ports': [{ node_uuid: node, address: '52:54:00:00:00:02', uuid: own, extra: {}, pxe_enabled: true }],
  'POST /portgroups': [{ node_uuid: node, uuid: own, name: 'new', address: '52:54:00:00:00:03', mode: '802.3ad' }],
  'POST /chassis': [{ uuid: own, description: 'new', extra: {} }],
  'POST /volume/connectors': [{ node_uuid: node, type: 'iqn', connector_id: 'iqn.b', uuid: own, extra: {} }],
  'POST /volume/targets': [{ node_uuid: node, volume_type: 'iscsi', volume_id: 'w', boot_index: 1, uuid: own, properties: {} }],
  'POST /deploy_templates': [
    { name: 'CUSTOM_NEW', steps: [{ interface: 'bios', step: 'apply_configuration', args: {}, priority: 1 }], uuid: own },
  ],
  'POST /runbooks': [
    { name: 'CUSTOM_NEW', steps: [{ interface: 'bios', step: 'apply_configuration', args: {}, order: 1 }], uuid: own },
  ],
  'POST /allocations': [{ resource_class: 'none', uuid: own, name: 'new', traits: ['CUSTOM_A'], extra: {} }],
  'POST /inspection_rules': [
    { actions: [{ op: 'set-attribute', args: ['/extra/b', '1'] }], conditions: [], priority: 1, uuid: own, description: 'new' },
  ],
  'POST /nodes/:node/vifs': [{ id: nobody }],
  'POST /nodes/:node/vmedia': [{ device_type: 'cdrom', image_url: 'http://127.0.0.1:9/image.iso' }],
  'PUT /nodes/:node/maintenance': [{ reason: 'walked' }],
  'PUT /nodes/:node/management/boot_device': [{ boot_device: 'pxe', persistent: true }],
  'PUT /nodes/:node/management/indicators/:component/:indicator': [{ state: 'on' }],
  'PUT /nodes/:node/states/boot_mode': [{ target: 'uefi' }],
  'PUT /nodes/:node/states/secure_boot': [{ target: true }],
  'PUT /nodes/:node/states/console': [{ enabled: false }],
  'PUT /nodes/:node/states/power': [
    { target: 'power on', timeout: 30 },
    ...['power off', 'rebooting', 'soft power off', 'soft rebooting', 'off', 'reboot'].map((target) => ({ target })),
  ],
  'PUT /nodes/:node/states/provision': [
    { target: 'provide' },
    ...['manage', 'active', 'deleted', 'rebuild', 'abort', 'adopt', 'rescue', 'unrescue'].map((target) => ({ target })),
    ...['clean', 'service', 'hold', 'unhold', 'deploy', 'verify', ''].map((target) => ({ target })),
    { target: 'clean', clean_steps: [] },
    { target: 'clean', clean_steps: [{ interface: 'deploy', step: 'nothing' }] },
    { target: 'service', service_steps: [{ interface: 'deploy', step: 'nothing' }] },
    { target: 'clean', runbook: nobody },
  ],
  'PUT /nodes/:node/states/raid': [{ logical_disks: [{ size_gb: 50, raid_level: '1' }] }],
  'PUT /nodes/:node/traits': [{ traits: ['CUSTOM_A', 'CUSTOM_B'] }],
  'PUT /nodes/:node/traits/:trait': [undefined],
  'PUT /runbooks/:runbook/traits': [{ traits: ['CUSTOM_A', 'CUSTOM_B'] }],
};

export function typicalBodies({ method, path }: Row): readonly unknown[] {
  if (method === 'PATCH') return [patchOf(path), [], {}];
  return bodyTable[`${method} ${path}`] ?? [undefined];
}

/** Rules have no `extra`. */
function patchOf(path: string): object[] {
  if (path.startsWith('/inspection_rules')) return [{ op: 'replace', path: '/priority', value: 2 }];
  return [{ op: 'add', path: '/extra/b', value: 2 }];
}
