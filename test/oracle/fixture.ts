/** The resources of a row: the same in both services, and removed after it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Ask, Given, Row } from './row.ts';
import type { Service } from './service.ts';

export const node = '11111111-2222-4333-8444-555555555555';
export const other = '11111111-2222-4333-8444-666666666666';
export const port = '11111111-2222-4333-8444-777777777777';
/** For resources that a request creates. */
export const own = 'aaaaaaaa-1111-4111-8111-111111111111';
export const chosen: ReadonlySet<string> = new Set([node, other, port, own]);

/** Timeout of a node's change to its next state. */
const maxWaitMs = 30_000;
const paths = { manageable: ['manage'], available: ['manage', 'provide'], active: ['manage', 'adopt'], enroll: [] } as const;
const reached = { manage: 'manageable', provide: 'available', adopt: 'active' } as const;

export async function prepare(service: Service, given: Given): Promise<void> {
  const { node: fields = {}, state = 'enroll', maintenance = false } = given;
  const make = (uuid: string, name: string, chosen: object) =>
    service.get(filled({ method: 'POST', path: '/nodes', body: { driver: 'fake-hardware', uuid, name, ...chosen } }));
  if (fields) await make(node, 'n1', fields);
  if (given.other) await make(other, 'n2', given.other);
  if (given.port) {
    const body = { uuid: port, node_uuid: node, address: '52:54:00:00:00:01', ...given.port };
    await service.get({ method: 'POST', path: '/ports', body });
  }
  for (const verb of paths[state]) {
    await service.get({ method: 'PUT', path: `/nodes/${node}/states/provision`, body: { target: verb } });
    await untilState(service, reached[verb]);
  }
  if (maintenance) await service.get({ method: 'PUT', path: `/nodes/${node}/maintenance`, body: {} });
  for (const ask of given.done ?? []) await service.get(filled(ask));
}

async function untilState(service: Service, wanted: string): Promise<void> {
  const end = Date.now() + maxWaitMs;
  for (;;) {
    const shown = await service.get({ method: 'GET', path: `/nodes/${node}` });
    if (shown['provision_state'] === wanted && shown['reservation'] === null) return;
    if (Date.now() > end) throw new Error(`${service.name}: the node is ${shown['provision_state']}, not ${wanted}`);
    await pause(50);
  }
}

/** A locked node is unlocked within a moment. */
export async function clear(service: Service): Promise<void> {
  const end = Date.now() + maxWaitMs;
  for (;;) {
    const { nodes } = await service.get({ method: 'GET', path: '/nodes?include_children=true' });
    if ((nodes as object[]).length === 0) return;
    for (const { uuid } of nodes as { uuid: string }[]) {
      const { status, body } = await service.ask({ method: 'DELETE', path: `/nodes/${uuid}` });
      if (status === 204 || status === 404) continue;
      if (Date.now() > end) throw new Error(`${service.name}: node ${uuid} cannot be removed: ${status} ${body}`);
      await service.ask({ method: 'PATCH', path: `/nodes/${uuid}`, body: [{ op: 'replace', path: '/protected', value: false }] });
      await service.ask({ method: 'PUT', path: `/nodes/${uuid}/maintenance`, body: {} });
      await pause(100);
    }
  }
}

/** The row's requests with the UUIDs filled in. */
export function filled(ask: Ask): Ask {
  const fill = (text: string) => text.replaceAll('$NODE', node).replaceAll('$OTHER', other).replaceAll('$PORT', port);
  const { path, body, raw } = ask;
  return {
    ...ask,
    path: fill(path),
    ...(body !== undefined && { body: JSON.parse(fill(JSON.stringify(body))) }),
    ...(raw !== undefined && { raw: fill(raw) }),
  };
}

export function asksOf({ ask, afterwards }: Row): Ask[] {
  return [ask, ...(afterwards ? [afterwards] : [])].map(filled);
}
