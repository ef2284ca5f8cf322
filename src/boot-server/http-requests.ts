/** Shared by the routes of the provisioning listener: their dependencies and the identity of the requester. */
import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { JsonObject } from '#domain/json.ts';
import type { Requester } from '#domain/requesters.ts';
import type { ImageSource } from '#drivers/interfaces.ts';
import type { MachineMessages } from '#engine/contract.ts';
import type { MachineAddresses } from './machine-addresses.ts';
import type { Log, Report } from './parts.ts';
import type { Plans } from './plans.ts';
import type { Transfer } from './send-file.ts';

/** @returns the handler for bodies posted with that token; undefined = no subscription */
export type EventTakers = (token: string) => ((body: unknown) => void) | undefined;

export type HttpParts = {
  engine: MachineMessages;
  images: Pick<ImageSource, 'disk' | 'extents'>;
  plans: Plans;
  addresses: MachineAddresses;
  /** Boot files are at `<root>/<folder>/<name>`. */
  tftpRoot: string;
  report: Report;
  log: Log;
  /** Handlers of BMC events: see BootServerOptions. */
  eventTaker?: EventTakers | undefined;
  /** Called when a connection has shown a valid token. */
  onAuthenticated?: (socket: Socket) => void;
};

/** The peer address of a request, without the prefix of IPv4-mapped IPv6. */
export function addressOf(request: { socket: { remoteAddress?: string } }): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

/** The requester, as reliably as it can be identified. */
export function requesterOf({ addresses }: Pick<HttpParts, 'addresses'>, request: FastifyRequest): Promise<Requester> {
  return addresses.requester(addressOf(request));
}

/** Records start and end of one transfer: one that started and did not end is as informative as one that ended. */
export function reportsOf(
  parts: HttpParts,
  request: FastifyRequest,
  { subject, mac }: { subject: string /** Default: the owner of the address. */; mac?: string | undefined },
): { onStart(total: number): void; onEnd(transfer: Transfer): void } {
  const report = (message: string, more: { data: JsonObject; duration_ms?: number }) =>
    parts.report({ kind: 'http', ...whoAsks(parts, request), ...(mac && { mac }), subject, message, ...more });
  return {
    onStart: (total) => report(`started fetching ${subject} over HTTP`, { data: { total } }),
    onEnd({ bytes, total, complete, duration_ms }) {
      const message = complete
        ? `fetched ${subject} over HTTP: ${bytes} bytes`
        : `aborted ${subject} over HTTP after ${bytes} of ${total} bytes`;
      report(message, { duration_ms, data: { bytes, total, complete } });
    },
  };
}

export function whoAsks({ addresses }: Pick<HttpParts, 'addresses'>, request: FastifyRequest): { address: string; mac?: string } {
  const address = addressOf(request);
  const mac = addresses.macOf(address);
  return { address, ...(mac && { mac }) };
}
