/** One record of each kind, the same in both services, on which the walk acts. */
import type { Ask } from '../row.ts';
import type { Service } from '../service.ts';

const idOf = (letter: string) => `${letter.repeat(8)}-1111-4111-8111-${letter.repeat(12)}`;
export const nobody = '99999999-9999-4999-8999-999999999999';

/** What the parameters of paths are filled with. */
export const identTable: Readonly<Record<string, string>> = {
  node: idOf('a'),
  port: idOf('b'),
  portgroup: idOf('c'),
  chassis: idOf('d'),
  connector: idOf('e'),
  target: idOf('f'),
  template: idOf('1'),
  runbook: idOf('2'),
  allocation: idOf('3'),
  rule: idOf('4'),
  driver: 'fake-hardware',
  trait: 'CUSTOM_B',
  setting: 'nothing',
  vif: nobody,
  entry: nobody,
  method: 'nothing',
  name: 'nothing',
  component: 'nothing',
  indicator: 'nothing',
};

const { node, port, portgroup, chassis, connector, target, template, runbook, allocation, rule } = identTable;
const step = { interface: 'bios', step: 'apply_configuration', args: {} };

/** Fields of each record, in the order in which they are made. */
export const recordTable: readonly { readonly path: string; readonly uuid: string | undefined; readonly fields: object }[] = [
  { path: '/chassis', uuid: chassis, fields: { description: 'rack', extra: { a: 1 } } },
  { path: '/nodes', uuid: node, fields: { name: 'walked', driver: 'fake-hardware', chassis_uuid: chassis, extra: { a: 1 } } },
  { path: '/portgroups', uuid: portgroup, fields: { node_uuid: node, name: 'bond', extra: { a: 1 } } },
  { path: '/ports', uuid: port, fields: { node_uuid: node, address: '52:54:00:00:00:01', portgroup_uuid: portgroup } },
  { path: '/volume/connectors', uuid: connector, fields: { node_uuid: node, type: 'iqn', connector_id: 'iqn.a' } },
  {
    path: '/volume/targets',
    uuid: target,
    fields: { node_uuid: node, volume_type: 'iscsi', volume_id: 'v', boot_index: 0, properties: {} },
  },
  { path: '/deploy_templates', uuid: template, fields: { name: 'CUSTOM_T', steps: [{ ...step, priority: 1 }] } },
  { path: '/runbooks', uuid: runbook, fields: { name: 'CUSTOM_R', steps: [{ ...step, order: 1 }] } },
  {
    path: '/inspection_rules',
    uuid: rule,
    fields: { actions: [{ op: 'set-attribute', args: ['/extra/b', '1'] }], conditions: [], priority: 1 },
  },
  { path: '/allocations', uuid: allocation, fields: { resource_class: 'none', name: 'held' } },
];

const maxWaitMs = 60_000;

const allKinds = recordTable.map(({ path }) => path);
const goWithNode = ['/portgroups', '/ports', '/volume/connectors', '/volume/targets'];
/** By the first word of a path: the kinds of records that a request may change, and those that go with them. */
const changedTable: Readonly<Record<string, readonly string[]>> = {
  nodes: ['/nodes', ...goWithNode],
  ports: ['/ports'],
  portgroups: ['/portgroups', '/ports'],
  volume: ['/volume/connectors', '/volume/targets'],
  ...Object.fromEntries(['deploy_templates', 'runbooks', 'inspection_rules', 'allocations'].map((name) => [name, [`/${name}`]])),
};

/** @returns paths of the kinds, in the order in which records are made */
export function changedBy(path: string): readonly string[] {
  const [name = ''] = path.slice(1).split(/[/?]/);
  return changedTable[name] ?? allKinds;
}

export async function make(service: Service, kinds: readonly string[] = allKinds): Promise<void> {
  for (const { path, uuid, fields } of recordTable) {
    if (kinds.includes(path)) await service.get({ method: 'POST', path, body: { uuid, ...fields } });
  }
  if (kinds.includes('/nodes')) await makeManageable(service);
}

async function makeManageable(service: Service): Promise<void> {
  await service.get({ method: 'PUT', path: `/nodes/${node}/states/provision`, body: { target: 'manage' } });
  await settled(service, 'manageable');
  await service.get({ method: 'PUT', path: `/nodes/${node}/traits`, body: { traits: ['CUSTOM_A'] } });
  // Ironic's fake hardware has no power state until one is set; volumes change while it is off.
  await service.get({ method: 'PUT', path: `/nodes/${node}/states/power`, body: { target: 'power off' } });
  await settled(service, 'manageable');
}

/** Waits by asking again; both services answer each request at once. */
async function settled(service: Service, state: string): Promise<void> {
  const end = Date.now() + maxWaitMs;
  for (;;) {
    const shown = await service.get({ method: 'GET', path: `/nodes/${node}` });
    if (shown['provision_state'] === state && shown['reservation'] === null && shown['target_power_state'] === null) return;
    if (Date.now() > end) throw new Error(`${service.name}: the node is ${shown['provision_state']}, not ${state}`);
  }
}

/** Whatever a request made or changed goes, too. */
export async function remove(service: Service, kinds: readonly string[] = allKinds): Promise<void> {
  const alone = kinds.includes('/nodes') ? kinds.filter((kind) => !goWithNode.includes(kind)) : kinds;
  for (const path of alone.toReversed()) await removeEach(service, path, path === '/nodes' ? '?include_children=true' : '');
}

async function removeEach(service: Service, path: string, query = ''): Promise<void> {
  const end = Date.now() + maxWaitMs;
  for (;;) {
    const list = Object.values(await service.get({ method: 'GET', path: `${path}${query}` })).find(Array.isArray) as
      | { uuid: string }[]
      | undefined;
    if (!list?.length) return;
    for (const { uuid } of list) await removeOne(service, `${path}/${uuid}`);
    if (Date.now() > end) throw new Error(`${service.name}: ${path} cannot be removed`);
  }
}

async function removeOne(service: Service, path: string): Promise<void> {
  const { status } = await service.ask({ method: 'DELETE', path });
  if (status === 204 || status === 404 || !path.startsWith('/nodes/')) return;
  // A protected node, one in use, or one in a state in which it stays.
  const release = ['/protected', '/retired'].map((field) => ({ op: 'replace', path: field, value: false }));
  const asks: Ask[] = [
    { method: 'PATCH', path, body: release },
    { method: 'PUT', path: `${path}/maintenance`, body: {} },
  ];
  for (const ask of asks) await service.ask(ask);
}
