/** What the routes of the provisioning listener share: their parts, and who is asking. */
import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { JsonObject } from '#domain/records.ts';
import type { Requester } from '#domain/requesters.ts';
import type { ImageSource } from '#drivers/interfaces.ts';
import type { MachineMessages } from '#engine/contract.ts';
import type { MachineAddresses } from './machine-addresses.ts';
import type { Log, Report } from './parts.ts';
import type { Plans } from './plans.ts';
import type { Transfer } from './send-file.ts';

/** @returns what takes the body of a post with that token; undefined = nobody waits for it */
export type EventTakers = (token: string) => ((body: unknown) => void) | undefined;

export type HttpParts = {
  engine: MachineMessages;
  images: Pick<ImageSource, 'extents'>;
  plans: Plans;
  addresses: MachineAddresses;
  /** Where boot files lie: `<root>/<folder>/<name>`. */
  tftpRoot: string;
  report: Report;
  log: Log;
  /** Who waits for the events of a BMC: see BootServerOptions. */
  eventTaker?: EventTakers | undefined;
  /** Told when a connection has shown a good token. */
  onAuthenticated?: (socket: Socket) => void;
};

/** The address a request came from, without the prefix that an IPv6 socket puts before IPv4. */
export function addressOf(request: { socket: { remoteAddress?: string } }): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

/** Who asks, as sure as it can be known. */
export function requesterOf({ addresses }: Pick<HttpParts, 'addresses'>, request: FastifyRequest): Promise<Requester> {
  return addresses.requester(addressOf(request));
}

/** Begin and end of one transfer into the record: what began and did not end tells as much as what ended. */
export function reportsOf(
  parts: HttpParts,
  request: FastifyRequest,
  { subject, mac }: { subject: string /** Default: whose address it is. */; mac?: string | undefined },
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
