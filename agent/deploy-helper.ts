import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type DeployPost, iscsiLun } from '../agent-protocol/classic.ts';
import type { Inventory } from '../agent-protocol/messages.ts';
import type { Log } from './log.ts';
import type { ClassicOptions } from './options.ts';
import { backoff, Refused } from './server-link.ts';

/** How long the helper may be unreachable (during a restart, say) before the ramdisk gives up. */
const maxWaitMs = 600_000;
const answerMs = 20_000;
const errorMaxLength = 500;

/** Our source address towards the helper, from the routing table; no packet is sent. */
export async function addressTowards(host: string): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.connect(9, host);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}

export type Report = {
  classic: ClassicOptions;
  address: string;
  system: Pick<Inventory['system'], 'uuid' | 'serial'>;
  error?: string;
};

/** The form of the classic POST (`i k a n p l e`, and our `u s`); see agent-protocol/classic.ts. */
export function deployForm({ classic, address, system, error }: Report): string {
  const fields: DeployPost = {
    i: classic.deploymentId,
    k: classic.deploymentKey,
    a: address,
    n: classic.iqn,
    p: String(classic.iscsiPort),
    l: String(iscsiLun),
    ...(system.uuid && { u: system.uuid }),
    ...(system.serial && { s: system.serial }),
    ...(error && { e: error.slice(0, errorMaxLength) }),
  };
  return new URLSearchParams(fields).toString();
}

/**
 * Notifies the helper that the disk is ready, or of an error. Retries until it is received; a rejection (400) is final.
 */
export async function postToHelper(report: Report, log: Log, signal: AbortSignal): Promise<void> {
  const { bootServer, helperPort } = report.classic;
  const deadline = performance.now() + maxWaitMs;
  let last = '';
  for (const ms of backoff()) {
    try {
      return await postOnce(report, signal);
    } catch (error) {
      const { message } = error as Error;
      if (signal.aborted || (error instanceof Refused && error.status < 500) || performance.now() > deadline) throw error;
      if (message !== last) log.info(`deploy helper ${bootServer}:${helperPort} is unreachable, retrying: ${message}`);
      last = message;
    }
    await pause(ms, undefined, { signal });
  }
}

function postOnce(report: Report, signal: AbortSignal): Promise<void> {
  const { bootServer: host, helperPort: port } = report.classic;
  const body = deployForm(report);
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) };
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method: 'POST', path: '/', headers, signal: bounded, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('error', reject).on('end', () => {
        const status = response.statusCode ?? 0;
        if (status === 200) resolve();
        else reject(new Refused(status, `the deploy helper answered ${status}: ${text.trim().slice(0, 200)}`));
      });
    });
    sent.on('error', reject).end(body);
  });
}

/** Listens for the helper's `done`. Ignores messages from any other host than the boot server. */
export class DoneListener {
  #server: Server;
  readonly done: Promise<void>;

  private constructor(server: Server, done: Promise<void>) {
    this.#server = server;
    this.done = done;
  }

  static async listen(classic: ClassicOptions, log: Log): Promise<DoneListener> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = createServer((socket) => {
      const from = socket.remoteAddress?.replace(/^::ffff:/, '');
      socket.on('error', () => {});
      if (from !== classic.bootServer) {
        log.info(`a connection from ${from} to the done port is not heard`);
        return void socket.destroy();
      }
      socket.setTimeout(10_000, () => socket.destroy());
      let text = '';
      socket.on('data', (data) => {
        text = (text + data.toString('latin1')).slice(0, 16);
        if (text.startsWith('done')) {
          resolve();
          socket.end();
        }
      });
    });
    server.listen(classic.donePort, '0.0.0.0');
    await once(server, 'listening');
    return new DoneListener(server, promise);
  }

  close(): void {
    this.#server.close();
  }
}
