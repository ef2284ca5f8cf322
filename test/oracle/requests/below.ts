/** Single resources of each kind, most of which do not exist, and the subresources of a node. */

import { own } from '../fixture.ts';
import { get, type Method, post, put, type Row, remove } from '../row.ts';

const manageable = { given: { state: 'manageable' } } as const;
const unknownThings = [
  ...['allocations', 'chassis', 'conductors', 'deploy_templates', 'drivers', 'inspection_rules', 'nodes', 'portgroups'],
  ...['ports', 'runbooks', 'volume/connectors', 'volume/targets'],
];
const methods: readonly Method[] = ['GET', 'PATCH', 'DELETE'];

/** Each kind with an unknown name and an unknown UUID. */
const unknownRows: readonly Row[] = unknownThings.flatMap((kind) =>
  ['no-such', own].flatMap((ident) =>
    methods.map((method) => ({
      name: `unknown: ${method} /${kind}/${ident}`,
      given: { node: null },
      ask: {
        ...{ method, path: `/${kind}/${ident}` },
        ...(method === 'PATCH' && { body: [{ op: 'replace', path: '/extra', value: {} }] }),
      },
    })),
  ),
);

export const belowRows: readonly Row[] = [
  ...unknownRows,
  get('below: a managed node', '/nodes/$NODE', {
    ...manageable,
    sees: [
      'status',
      'body.provision_state',
      'body.maintenance',
      'body.last_error',
      'body.target_provision_state',
      'body.clean_step',
      'body.reservation',
    ],
  }),
  get('below: an available node', '/nodes/$NODE', {
    given: { state: 'available' },
    sees: [
      'status',
      'body.provision_state',
      'body.maintenance',
      'body.last_error',
      'body.target_provision_state',
      'body.clean_step',
      'body.reservation',
    ],
  }),
  get('below: volume', '/nodes/$NODE/volume'),
  get('below: volume connectors', '/nodes/$NODE/volume/connectors'),
  get('below: volume targets', '/nodes/$NODE/volume/targets'),
  get('below: volume of an unknown node', '/nodes/n7/volume/connectors'),
  get('below: port groups of an unknown node', '/nodes/n7/portgroups'),
  get('below: an unknown BIOS setting', '/nodes/$NODE/bios/no-such', manageable),
  get('below: an unknown entry of the history', '/nodes/$NODE/history/no-such'),
  get('below: history in detail', '/nodes/$NODE/history/detail'),
  get('below: traits of an unknown node', '/nodes/n7/traits'),
  get('below: VIFs of an unknown node', '/nodes/n7/vifs'),
  get('below: inventory of an unknown node', '/nodes/n7/inventory'),
  get('below: management alone', '/nodes/$NODE/management'),
  get('below: maintenance', '/nodes/$NODE/maintenance'),
  get('below: power', '/nodes/$NODE/states/power'),
  get('below: an unknown component', '/nodes/$NODE/management/indicators/no-such', manageable),
  get('below: an unknown indicator', '/nodes/$NODE/management/indicators/system/no-such', manageable),
  remove('below: an unknown VIF', `/nodes/$NODE/vifs/${own}`),
  remove('below: a VIF of an unknown node', `/nodes/n7/vifs/${own}`),
  post('below: a VIF of an unknown node attached', '/nodes/n7/vifs', { id: own }),
  post('below: virtual media without an image', '/nodes/$NODE/vmedia', {}, manageable),
  post(
    'below: virtual media of an unknown device',
    '/nodes/$NODE/vmedia',
    { device_type: 'tape', image_url: 'http://a/b' },
    manageable,
  ),
  post('below: virtual media of an unknown node', '/nodes/n7/vmedia', { device_type: 'cdrom', image_url: 'http://a/b' }),
  post(
    'below: virtual media with an unknown field',
    '/nodes/$NODE/vmedia',
    { device_type: 'cdrom', image_url: 'http://a/b', x: 1 },
    manageable,
  ),
  put('below: console of an unknown node', '/nodes/n7/states/console', { enabled: true }),
  put('below: boot mode of an unknown node', '/nodes/n7/states/boot_mode', { target: 'uefi' }),
  put('below: secure boot of an unknown node', '/nodes/n7/states/secure_boot', { target: true }),
  put('below: NMI of an unknown node', '/nodes/n7/management/inject_nmi', {}),
  put('below: traits of an unknown node set', '/nodes/n7/traits', { traits: [] }),
];
