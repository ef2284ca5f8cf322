/** A Redfish service defined by a table of resources, for tests of what the driver reads and writes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import type { NodeFacts } from '#drivers/interfaces.ts';
import { type AskRedfish, createAskRedfish } from '#drivers/redfish/ask-redfish.ts';
import { createWithSystem, type WithSystem } from '#drivers/redfish/find-system.ts';
import type { RedfishLimits } from '#wire/redfish/client.ts';
import { createRedfishClientPool } from '#wire/redfish/client-pool.ts';

export type TreeRequest = { method: string; path: string; headers: IncomingMessage['headers']; body: JsonObject; raw: Buffer };
/** Status 0: the connection is cut. */
export type TreeReply = { status: number; headers?: Record<string, string>; body?: JsonObject };
export type TreeRules = Readonly<Record<string, (request: TreeRequest) => TreeReply>>;

export type RedfishTree = {
  readonly url: string;
  /** By path without a trailing slash; a test may change it. */
  readonly resources: Map<string, JsonObject>;
  /** `PATCH /redfish/v1/…`: overrides of the default response. */
  readonly rules: Map<string, (request: TreeRequest) => TreeReply>;
  /** All requests except GETs of resources. */
  readonly changes: TreeRequest[];
  readonly reads: string[];
  readonly node: NodeFacts;
  readonly ask: AskRedfish;
  readonly withSystem: WithSystem;
};

const nodeUuid = '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001';

/** Root, one system, one chassis and one manager, overridden by `resources`; serves GET, and merges PATCHes. */
export async function startRedfishTree(
  t: TestContext,
  resources: Readonly<Record<string, JsonObject>>,
  options: { rules?: TreeRules; info?: JsonObject; limits?: Partial<RedfishLimits> } = {},
): Promise<RedfishTree> {
  const table = new Map(Object.entries({ ...usualResources(), ...resources }));
  const rules = new Map(Object.entries(options.rules ?? {}));
  const changes: TreeRequest[] = [];
  const reads: string[] = [];
  const server = createServer(async (request, response) => {
    const asked = await readRequest(request);
    if (asked.method === 'GET') reads.push(asked.path);
    else changes.push(asked);
    send(response, rules.get(`${asked.method} ${asked.path}`)?.(asked) ?? answer(table, asked));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pool = createRedfishClientPool({ taskPauseMs: 10, upsetMs: 10, closeMs: 10_000, ...options.limits });
  t.after(async () => {
    await pool.close();
    server.closeAllConnections();
    server.close();
  });
  const node: NodeFacts = {
    id: 1,
    uuid: nodeUuid,
    name: 'n1',
    driver: 'redfish',
    driver_info: { redfish_address: url, ...options.info },
    properties: {},
    extra: {},
    power_state: null,
    ports: [],
  };
  const ask = createAskRedfish(pool);
  return { url, resources: table, rules, changes, reads, node, ask, withSystem: createWithSystem(ask) };
}

/** `['/redfish/v1/a', …]` as a collection. */
export function collectionOf(paths: readonly string[]): JsonObject {
  return { 'Members@odata.count': paths.length, Members: paths.map((path) => ({ '@odata.id': path })) };
}

function usualResources(): Record<string, JsonObject> {
  const link = (path: string) => ({ '@odata.id': path });
  return {
    '/redfish/v1': {
      '@odata.id': '/redfish/v1/',
      Systems: link('/redfish/v1/Systems'),
      Chassis: link('/redfish/v1/Chassis'),
      Managers: link('/redfish/v1/Managers'),
      Registries: link('/redfish/v1/Registries'),
      UpdateService: link('/redfish/v1/UpdateService'),
      AccountService: link('/redfish/v1/AccountService'),
      EventService: link('/redfish/v1/EventService'),
    },
    '/redfish/v1/Systems': collectionOf(['/redfish/v1/Systems/1']),
    '/redfish/v1/Systems/1': {
      '@odata.id': '/redfish/v1/Systems/1',
      Id: '1',
      Links: { Chassis: [link('/redfish/v1/Chassis/1')], ManagedBy: [link('/redfish/v1/Managers/1')] },
    },
    '/redfish/v1/Chassis/1': { '@odata.id': '/redfish/v1/Chassis/1', Id: '1' },
    '/redfish/v1/Managers/1': { '@odata.id': '/redfish/v1/Managers/1', Id: '1' },
  };
}

async function readRequest(request: IncomingMessage): Promise<TreeRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks);
  const isJson = /json/.test(request.headers['content-type'] ?? '');
  const path = (request.url ?? '').replace(/\/$/, '');
  return {
    method: request.method ?? '',
    path,
    headers: request.headers,
    body: isJson ? (JSON.parse(raw.toString()) as JsonObject) : {},
    raw,
  };
}

function answer(table: Map<string, JsonObject>, { method, path, body }: TreeRequest): TreeReply {
  const resource = table.get(path);
  if (!resource) return { status: 404, body: { error: { code: 'Base.1.8.ResourceMissingAtURI', message: `no ${path}` } } };
  if (method === 'GET') return { status: 200, body: resource };
  if (method !== 'PATCH') return { status: 405, body: {} };
  table.set(path, merge(resource, body));
  return { status: 204 };
}

function merge(old: JsonObject, change: JsonObject): JsonObject {
  const merged = { ...old };
  for (const [key, value] of Object.entries(change)) {
    const inner = merged[key];
    merged[key] = isPlain(inner) && isPlain(value) ? merge(inner, value) : value;
  }
  return merged;
}

function isPlain(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function send(response: ServerResponse, { status, headers = {}, body }: TreeReply): void {
  if (status === 0) return void response.destroy();
  const etag = typeof body?.['@odata.etag'] === 'string' ? { etag: body['@odata.etag'] } : {};
  response.writeHead(status, { ...(body && { 'content-type': 'application/json' }), ...etag, ...headers });
  response.end(body ? JSON.stringify(body) : undefined);
}
