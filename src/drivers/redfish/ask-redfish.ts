/** Provides the Redfish client of a node's BMC and converts RedfishErrors to faults. */
import { Fault, type FaultCode } from '#domain/faults.ts';
import { readSmallFile } from '#tools/small-file.ts';
import type { RedfishService } from '#wire/redfish/client.ts';
import type { RedfishClientPool } from '#wire/redfish/client-pool.ts';
import { RedfishError, type RedfishFailure, type RedfishPeer } from '#wire/redfish/redfish-client.ts';
import type { CallOptions, NodeFacts } from '../interfaces.ts';
import { type RedfishSettings, readRedfishSettings } from './properties.ts';
import { isPasswordChangeRequired, isUnlicensed } from './reading.ts';

/** One call to a BMC and its result, for the log. */
export type RedfishReport = {
  readonly node_uuid: string;
  /** `ComputerSystem.Reset ForceOff`. */
  readonly command: string;
  readonly duration_ms: number;
  /** `ok`, or the fault's text. */
  readonly result: string;
};

/** `command`: description of the call for the log. */
export type RedfishCall = { readonly node: NodeFacts; readonly command: string; readonly callOptions?: CallOptions | undefined };

/** Runs `work` with the node's client and converts its RedfishErrors to Faults. */
export type AskRedfish = <T>(question: RedfishCall, work: (client: RedfishService) => Promise<T>) => Promise<T>;

const faultTable: Readonly<Record<RedfishFailure, FaultCode>> = {
  silent: 'bmcUnreachable',
  untrusted: 'bmcUntrusted',
  refused: 'bmcRefused',
  answered: 'bmcError',
  unfit: 'bmcMalformedReply',
  unsupported: 'bmcUnsupported',
  disconnected: 'bmcConnectionClosed',
  closed: 'driverInfoChanged',
};

export function createAskRedfish(pool: RedfishClientPool, report?: (report: RedfishReport) => void): AskRedfish {
  return async ({ node, command, callOptions }, work) => {
    const settings = readRedfishSettings(node);
    const startedAt = performance.now();
    const elapsed = () => Math.round(performance.now() - startedAt);
    const ended = (result: string) => report?.({ node_uuid: node.uuid, command, duration_ms: elapsed(), result });
    try {
      const answer = await work(pool.client(await completePeer(node, settings)));
      ended('ok');
      return answer;
    } catch (error) {
      const isClosed = error instanceof RedfishError && error.failure === 'closed';
      const cause = isClosed ? closingOf(error, pool, callOptions?.signal) : error;
      const fault = cause instanceof RedfishError ? toFault(cause, settings, elapsed()) : cause;
      ended(fault instanceof Error ? fault.message : String(fault));
      throw fault;
    }
  };
}

/** Maximum size in bytes. The CA bundle of a Linux distribution has a quarter of that. */
const caFileMax = 1024 * 1024;

async function completePeer(node: NodeFacts, { peer, caFile }: RedfishSettings): Promise<RedfishPeer> {
  if (caFile === undefined) return peer;
  const ca = await readSmallFile(caFile, caFileMax).catch((error: NodeJS.ErrnoException) => {
    throw new Fault('driverInfo', {
      node: node.name ?? node.uuid,
      detail: `redfish_verify_ca names ${caFile}, which cannot be read (${error.code})`,
    });
  });
  return { ...peer, trust: { by: 'authority', ca } };
}

/** Why this end gave up: the caller's timeout or cancellation, or the end of Ingot; otherwise another client took over. */
function closingOf(error: RedfishError, { isClosed }: RedfishClientPool, signal: AbortSignal | undefined): RedfishError | Fault {
  const { request } = error;
  if (signal?.aborted) {
    const { reason } = signal;
    if (reason instanceof Fault) return reason;
    if (reason?.name === 'TimeoutError') return new RedfishError('silent', { request, detail: 'no answer in time' });
    return new Fault('cancelled', { what: request, why: 'the caller aborted it' }, error.message);
  }
  return isClosed ? new Fault('interrupted', { what: request, why: 'Ingot is stopping' }, error.message) : error;
}

export function toFault(error: RedfishError, { address }: Pick<RedfishSettings, 'address'>, elapsedMs = 0): Fault {
  const detail = error.message.slice(error.request.length + 2);
  const fields = { address, command: error.request, detail };
  const seconds = Math.max(1, Math.round(elapsedMs / 1000));
  return new Fault(codeOf(error), { ...fields, attempts: 1, seconds }, error.message);
}

const notReadyStatuses = [500, 502, 503, 504];
/** Checked for any status: iDRAC answers 400 with SWC0700 ("iDRAC is not ready") for minutes after its start. */
const notReadySign = /SWC0700|ServiceTemporarilyUnavailable|ServiceInUnknownState|ServiceShuttingDown/;

/** Of a service that does not have the resource's method or action at all. */
const unsupportedStatuses = [405, 501];

function codeOf(error: RedfishError): FaultCode {
  const { failure, status, lacksPrivilege, messageIds } = error;
  if (isUnlicensed(error) || (failure === 'answered' && unsupportedStatuses.includes(status ?? 0))) return 'bmcUnsupported';
  // The password is correct; other requests may be allowed.
  if (lacksPrivilege) return isPasswordChangeRequired(error) ? 'bmcError' : 'bmcInsufficientPrivilege';
  const isSaid = notReadySign.test(messageIds.join(' '));
  const isNotReady = failure === 'answered' && (isSaid || notReadyStatuses.includes(status ?? 0));
  return isNotReady ? 'bmcNotReady' : faultTable[failure];
}
