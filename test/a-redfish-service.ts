/**
 * A Redfish service with scripted responses, per request: for tests of the client, including TLS and malformed bytes.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openRedfishClient, type RedfishLimits, type RedfishService } from '#wire/redfish/client.ts';
import { type Json, RedfishError, type RedfishPeer } from '#wire/redfish/redfish-client.ts';

export type Asked = {
  /** `GET /redfish/v1/`. */
  name: string;
  headers: IncomingMessage['headers'];
  body: Json;
  raw: Buffer;
};
/** `text`: sent verbatim. `cut`: the connection ends in the middle of it. `silent`: no response. */
export type Answer = {
  status?: number;
  headers?: Record<string, string>;
  body?: Json;
  text?: string | Buffer;
  cut?: boolean;
  silent?: boolean;
  /** Takes over the response. */
  stream?: (response: ServerResponse) => void;
};
/** The responses to a request in sequence; the last one repeats. */
export type Script = Record<string, Answer | readonly Answer[] | ((asked: Asked) => Answer)>;

export type ServiceFixture = {
  url: string;
  asked: Asked[];
  /** Names of the requests, in order. */
  names(): string[];
  /** Number of connections so far. */
  connections(): number;
  /** Closes all connections, as BMCs do with idle ones. */
  hangUp(): void;
  /** Replaces or adds responses. */
  script: Script;
  open(changes?: Partial<RedfishPeer>, limits?: Partial<RedfishLimits>): RedfishService;
};

export const sessionPath = '/redfish/v1/SessionService/Sessions';
export const serviceRoot = {
  '@odata.id': '/redfish/v1/',
  '@odata.type': '#ServiceRoot.v1_15_0.ServiceRoot',
  Id: 'RootService',
  RedfishVersion: '1.15.0',
  Links: { Sessions: { '@odata.id': sessionPath } },
};
/** Root, sessions with the tokens t1, t2, … */
export function usualScript(): Script {
  let count = 0;
  return {
    'GET /redfish/v1/': { body: serviceRoot },
    [`POST ${sessionPath}`]: () => {
      count++;
      const location = `${sessionPath}/${count}`;
      return {
        status: 201,
        headers: { 'x-auth-token': `t${count}`, location },
        body: { '@odata.id': location, Id: String(count) },
      };
    },
  };
}

export async function startRedfishService(t: TestContext, script: Script, tls?: ServerOptions): Promise<ServiceFixture> {
  const asked: Asked[] = [];
  const turns = new Map<string, number>();
  let connections = 0;
  const fixture = {
    asked,
    script: { ...usualScript(), ...script },
    names: () => asked.map(({ name }) => name),
    connections: () => connections,
  };
  const listener: RequestListener = async (request, response) => {
    const one = await readAsked(request).catch(() => undefined);
    if (!one) return;
    asked.push(one);
    give(response, choose(fixture.script, turns, one));
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.on('connection', () => connections++);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients: RedfishService[] = [];
  t.after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    server.closeAllConnections();
    server.close();
  });
  return {
    ...fixture,
    url,
    hangUp: () => server.closeAllConnections(),
    open(changes, limits) {
      const trust = { by: 'nothing' } as const;
      const peer: RedfishPeer = { url, user: 'admin', password: 'open sesame', auth: 'session', trust, ...changes };
      const client = openRedfishClient(peer, { taskPauseMs: 10, fullPauseMs: 10, closeMs: 10_000, ...limits });
      clients.push(client);
      return client;
    },
  };
}

async function readAsked(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks);
  const isJson = /json/.test(request.headers['content-type'] ?? '') && raw.length > 0;
  return {
    name: `${request.method} ${request.url}`,
    headers: request.headers,
    body: isJson ? JSON.parse(raw.toString()) : null,
    raw,
  };
}

function choose(script: Script, turns: Map<string, number>, asked: Asked): Answer {
  const entry = script[asked.name];
  if (entry === undefined)
    return { status: 404, body: { error: { code: 'Base.1.8.ResourceMissingAtURI', message: 'nothing here' } } };
  if (typeof entry === 'function') return entry(asked);
  const list = Array.isArray(entry) ? (entry as readonly Answer[]) : [entry as Answer];
  const turn = turns.get(asked.name) ?? 0;
  turns.set(asked.name, turn + 1);
  return list[Math.min(turn, list.length - 1)] ?? {};
}

function give(response: ServerResponse, { status = 200, headers = {}, body, text, cut, silent, stream }: Answer): void {
  if (silent) return;
  if (stream) {
    stream(response);
    return;
  }
  const bytes = text ?? (body === undefined ? '' : JSON.stringify(body));
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
  if (!cut) {
    response.writeHead(status, { ...type, ...headers }).end(bytes);
    return;
  }
  response.writeHead(status, { ...type, ...headers, 'content-length': String(Buffer.byteLength(bytes) + 10) });
  response.write(bytes, () => response.socket?.destroy());
}

export type Identity = { key: Buffer; cert: Buffer; sha256: string };

/** A self-signed certificate for `name`, issued today. */
export function makeIdentity(name: string): Identity {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-tls-'));
  try {
    const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
    const subject = ['-subj', '/CN=bmc', '-addext', `subjectAltName=${name}`];
    const how = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', ...how, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const print = execFileSync('openssl', ['x509', '-in', cert, '-noout', '-fingerprint', '-sha256'], { encoding: 'utf8' });
    return {
      key: readFileSync(key),
      cert: readFileSync(cert),
      sha256: (print.split('=')[1] ?? '').replaceAll(':', '').trim().toLowerCase(),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The error that a call rejects with; anything else fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<RedfishError> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(error instanceof RedfishError, `a RedfishError, not ${error}`);
  return error;
}
