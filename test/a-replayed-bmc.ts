/**
 * Replays third-party recordings of real BMCs as a Redfish service, and validates changes against the recording: it
 * rejects a property, value or action that the BMC did not show. Recordings are folders below the one that
 * `REFEREE_REDFISH_RECORDINGS` names, by default the output of check/recordings.ts; see src/drivers/redfish/readme.md.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Json, JsonObject } from '#domain/json.ts';

const folder = process.env['REFEREE_REDFISH_RECORDINGS'] ?? process.env['INGOT_REDFISH_RECORDINGS'] ?? '';

/** The reason to skip, or false. */
export const withoutRecordings = existsSync(folder) ? false : 'REFEREE_REDFISH_RECORDINGS names no folder of recorded BMCs';

export type Recording = {
  /** Name of its folder. */
  readonly name: string;
  /** By path in lower case, without a trailing slash. */
  readonly resources: ReadonlyMap<string, JsonObject>;
};

/** A change that was accepted or rejected. */
export type Change = {
  readonly method: string;
  readonly path: string;
  readonly body: JsonObject;
  readonly refusal: string | undefined;
};

export type ReplayedBmc = {
  readonly url: string;
  /** Paths of its systems. */
  readonly systems: readonly string[];
  readonly resources: ReadonlyMap<string, JsonObject>;
  readonly changes: readonly Change[];
};

/** Names of the available recordings. */
export function listRecordings(): string[] {
  if (withoutRecordings) return [];
  return readdirSync(folder)
    .filter((name) => statSync(join(folder, name)).isDirectory())
    .sort();
}

/**
 * Every JSON file of the folder: `index.json` represents the path of its folder, in the layout of DMTF's mockup creator
 * (with or without `redfish/v1` above); any other file represents the path in its `@odata.id`.
 */
export function readRecording(name: string): Recording {
  const root = join(folder, name);
  const base = existsSync(join(root, 'redfish/v1/index.json')) ? '/' : '/redfish/v1/';
  const resources = new Map<string, JsonObject>();
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const resource = file.endsWith('.json') ? readObject(join(root, file)) : undefined;
    const path = resource && pathOfFile(base, file, resource);
    if (resource && path !== undefined && !resources.has(path)) resources.set(path, resource);
  }
  return { name, resources };
}

function readObject(file: string): JsonObject | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Json;
    // An error response that the BMC gave instead of a resource is not a resource.
    return isObject(value) && !isObject(value['error']) ? value : undefined;
  } catch {
    return undefined;
  }
}

function pathOfFile(base: string, file: string, resource: JsonObject): string | undefined {
  const ofFolder = /^((?:.*\/)?)index\.json$/.exec(file);
  if (ofFolder) return keyOf(`${file.startsWith('redfish/v1/') ? '/' : base}${ofFolder[1]}`);
  const id = resource['@odata.id'];
  return typeof id === 'string' && id.startsWith('/') && !id.includes('#') ? keyOf(id) : undefined;
}

/** Case-insensitive: iLO writes one path in several ways. */
function keyOf(path: string): string {
  return plain(path).toLowerCase();
}

function plain(path: string): string {
  return path.replace(/\/+$/, '');
}

/** Listens on loopback until the test ends. */
export async function replayBmc(t: TestContext, recording: Recording): Promise<ReplayedBmc> {
  const state = new Map(recording.resources);
  const changes: Change[] = [];
  const server = createServer(async (request, response) => {
    const asked = await readRequest(request);
    const reply = asked.method === 'GET' ? show(state, asked) : change(state, asked);
    if (asked.method !== 'GET' && !isSession(state, asked.path)) changes.push({ ...asked, refusal: reply.refusal });
    send(response, reply);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const systems = linkAt(state.get('/redfish/v1'), 'Systems') ?? '/redfish/v1/Systems';
  const members = linksOf(state.get(keyOf(systems))?.['Members']);
  return { url, systems: members.filter((path) => state.has(keyOf(path))), resources: state, changes };
}

type Asked = { readonly method: string; readonly path: string; readonly query: string; readonly body: JsonObject };
type Reply = {
  readonly status: number;
  readonly body?: JsonObject;
  readonly headers?: Record<string, string>;
  readonly refusal?: string;
};
type State = Map<string, JsonObject>;

async function readRequest(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const { pathname, search } = new URL(request.url ?? '/', 'http://bmc.invalid');
  const body = text.startsWith('{') ? (JSON.parse(text) as JsonObject) : {};
  return { method: request.method ?? '', path: plain(decodeURI(pathname)), query: search, body };
}

function send(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  const etag = typeof body?.['@odata.etag'] === 'string' ? { etag: body['@odata.etag'] } : {};
  response.writeHead(status, { ...(body && { 'content-type': 'application/json' }), ...etag, ...headers });
  response.end(body ? JSON.stringify(body) : undefined);
}

function show(state: State, { path, query }: Asked): Reply {
  const resource = state.get(keyOf(path));
  if (!resource) return refuse(404, 'ResourceMissingAtURI', path);
  // A recording merges the members of all pages into one.
  if (query.includes('$skip')) return { status: 200, body: { ...resource, Members: [], 'Members@odata.nextLink': null } };
  return { status: 200, body: query.startsWith('?$expand') ? expanded(state, resource) : resource };
}

function expanded(state: State, resource: JsonObject): JsonObject {
  const members = resource['Members'];
  if (!Array.isArray(members)) return resource;
  return { ...resource, Members: members.map((member) => state.get(keyOf(linkAt({ member }, 'member') ?? '')) ?? member) };
}

function change(state: State, asked: Asked): Reply {
  const { method, path, body } = asked;
  if (method === 'POST' && path === sessionsOf(state))
    return { status: 201, headers: { 'x-auth-token': 't', location: `${path}/1` }, body: {} };
  if (method === 'DELETE') return { status: 204 };
  if (method === 'POST') return act(state, asked);
  const resource = state.get(keyOf(path));
  if (method !== 'PATCH' || !resource) return refuse(405, 'OperationNotAllowed', `${method} ${path}`);
  // Settings resources hold only pending values: the list of attributes is elsewhere.
  const { Attributes: _attributes, ...known } = body;
  const problem = findProblem(resource, known);
  if (problem !== undefined) return refuse(400, 'PropertyUnknown', problem);
  state.set(keyOf(path), merge(resource, body));
  return { status: 204 };
}

function sessionsOf(state: State): string {
  const links = state.get('/redfish/v1')?.['Links'];
  return linkAt(isObject(links) ? links : undefined, 'Sessions') ?? '/redfish/v1/SessionService/Sessions';
}

function isSession(state: State, path: string): boolean {
  return path.startsWith(sessionsOf(state));
}

/** Properties that may accompany each change. */
const annotation = '@Redfish.SettingsApplyTime';

/** @returns the first property that is not in the resource, or whose value it does not allow */
function findProblem(resource: JsonObject, change: JsonObject, at = ''): string | undefined {
  for (const [name, value] of Object.entries(change)) {
    if (name === annotation) continue;
    const allowed = resource[`${name}@Redfish.AllowableValues`];
    if (!(name in resource) && allowed === undefined && !isOptional(name)) return `${at}${name}`;
    if (Array.isArray(allowed) && typeof value === 'string' && !allowed.includes(value)) return `${at}${name} = ${value}`;
    const inner = resource[name];
    const problem = isObject(value) && isObject(inner) ? findProblem(inner, value, `${at}${name}/`) : undefined;
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Slots show only what is inserted, accounts show no password. */
function isOptional(name: string): boolean {
  return ['Image', 'Inserted', 'WriteProtected', 'HttpBootUri', 'Password'].includes(name);
}

function merge(old: JsonObject, news: JsonObject): JsonObject {
  const merged = { ...old };
  for (const [name, value] of Object.entries(news)) {
    const inner = merged[name];
    merged[name] = isObject(inner) && isObject(value) ? merge(inner, value) : value;
  }
  return merged;
}

/** An action that a resource shows with this target, and its allowed values. */
function act(state: State, { path, body }: Asked): Reply {
  for (const [owner, resource] of state) {
    if (!keyOf(path).startsWith(`${owner}/`)) continue;
    const actions = isObject(resource['Actions']) ? resource['Actions'] : {};
    const all = { ...actions, ...(isObject(actions['Oem']) && actions['Oem']) };
    for (const [name, action] of Object.entries(all)) {
      if (!isObject(action) || typeof action['target'] !== 'string' || keyOf(action['target']) !== keyOf(path)) continue;
      const problem = findParameterProblem(state, action, body);
      if (problem !== undefined) return refuse(400, 'ActionParameterNotSupported', problem);
      state.set(owner, merge(resource, effectOf(name, body, path)));
      return { status: 204 };
    }
  }
  return refuse(404, 'ActionNotSupported', path);
}

function findParameterProblem(state: State, action: JsonObject, body: JsonObject): string | undefined {
  const info = typeof action['@Redfish.ActionInfo'] === 'string' ? state.get(keyOf(action['@Redfish.ActionInfo'])) : undefined;
  const rows = Array.isArray(info?.['Parameters']) ? info['Parameters'].filter(isObject) : [];
  for (const [name, value] of Object.entries(body)) {
    const allowed = action[`${name}@Redfish.AllowableValues`] ?? rows.find((row) => row['Name'] === name)?.['AllowableValues'];
    if (Array.isArray(allowed) && typeof value === 'string' && allowed.length > 0 && !allowed.includes(value))
      return `${name} = ${value}`;
  }
  return undefined;
}

/** The visible effect of an action. */
function effectOf(action: string, body: JsonObject, path: string): JsonObject {
  const { Image: image, ResetType: type } = body;
  if (action === '#VirtualMedia.InsertMedia') {
    // Some show the eject action only while a medium is inserted.
    const eject = { '#VirtualMedia.EjectMedia': { target: path.replace(/InsertMedia$/, 'EjectMedia') } };
    return { Image: image ?? null, Inserted: true, ConnectedVia: 'URI', Actions: eject };
  }
  if (action === '#VirtualMedia.EjectMedia') return { Image: null, Inserted: false, ConnectedVia: 'NotConnected' };
  if (action !== '#ComputerSystem.Reset' || type === 'Nmi') return {};
  return { PowerState: type === 'ForceOff' || type === 'GracefulShutdown' ? 'Off' : 'On' };
}

function refuse(status: number, id: string, what: string): Reply {
  const message = { MessageId: `Base.1.18.${id}`, Message: `The recording knows no ${what}.`, MessageSeverity: 'Critical' };
  const error = { code: message.MessageId, message: message.Message, '@Message.ExtendedInfo': [message] };
  return { status, body: { error }, refusal: `${id} ${what}` };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function linkAt(resource: JsonObject | undefined, name: string): string | undefined {
  const link = resource?.[name];
  return isObject(link) && typeof link['@odata.id'] === 'string' ? plain(link['@odata.id']) : undefined;
}

function linksOf(list: Json | undefined): string[] {
  return Array.isArray(list) ? list.flatMap((entry) => linkAt({ entry }, 'entry') ?? []) : [];
}
