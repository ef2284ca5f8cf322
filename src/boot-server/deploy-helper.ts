/** The classic deploy helper: the ramdisk POSTs `i,k,a,n,p,l,e` (ours also `u,s`), any path; reply: status and text. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { asFault, Fault } from '#domain/faults.ts';
import type { MachineMessages } from '#engine/contract.ts';
import { createServer } from '#node-http/http.ts';
import { addressOf } from './http-requests.ts';
import type { MachineAddresses } from './machine-addresses.ts';
import type { Log, Report } from './parts.ts';

type Parts = { engine: Pick<MachineMessages, 'deployPost'>; addresses: MachineAddresses; report: Report; log: Log };

const bodyMax = 64 * 1024;
const fieldMax = 1000;
const fieldNames = ['i', 'k', 'a', 'n', 'p', 'l', 'e', 'u', 's'] as const;

export function createDeployHelper(parts: Parts): Server {
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 5_000, connectionsCheckingInterval: 5_000 },
    (request, response) => void answer(parts, request, response),
  );
  server.setTimeout(60_000);
  return server;
}

async function answer(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const started = performance.now();
  const address = addressOf(request);
  const { status, text } = await handle(parts, request, address);
  const isUnread = !request.complete;
  response.writeHead(status, { 'content-type': 'text/plain', ...(isUnread && { connection: 'close' }) }).end(text);
  const mac = await parts.addresses.machineAt(address);
  const message =
    status === 200
      ? 'offered its disk to the deploy helper'
      : `the deploy helper answered ${status}: ${text || 'only POST is known'}`;
  const duration_ms = Math.round(performance.now() - started);
  parts.report({ kind: 'http', ...(mac && { mac }), address, subject: 'deploy helper', message, duration_ms, data: { status } });
}

async function handle(parts: Parts, request: IncomingMessage, from: string): Promise<{ status: number; text: string }> {
  if (request.method !== 'POST') return { status: 501, text: '' };
  try {
    await parts.engine.deployPost(readFields(await readBody(request)), await parts.addresses.requester(from));
    return { status: 200, text: '' };
  } catch (error) {
    const { status, message } = asFault(error);
    if (status < 500) return { status, text: message };
    parts.log.error({ err: error }, 'the deploy helper failed');
    return { status: 500, text: 'unexpected error; see the log of Ingot' };
  }
}

/** The known fields, the first of each. The engine validates which are required, and their values. */
function readFields(body: string): Record<string, string> {
  const form = new URLSearchParams(body);
  const fields: Record<string, string> = {};
  for (const name of fieldNames) {
    const value = form.get(name);
    if (value !== null) fields[name] = printable(value.slice(0, fieldMax));
  }
  return fields;
}

/** Error texts go into logs and terminals. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').trim();
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyMax) throw new Fault('tooLarge', { detail: `the form is longer than ${bodyMax} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
