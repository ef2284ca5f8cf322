/**
 * Every fault that Ingot reports to users, one row each in fault-tables/. `status` is the HTTP status of an API response;
 * `hint` is the remedy. Who is responsible decides the wording, the log level and the retry.
 */

import { bmcFaults } from './fault-tables/bmcs.ts';
import { deploymentFaults } from './fault-tables/deployments.ts';
import type { FaultRow } from './fault-tables/fault-row.ts';
import { networkFaults } from './fault-tables/networks.ts';
import { nodeFaults } from './fault-tables/nodes.ts';
import { requestFaults } from './fault-tables/requests.ts';
import { siteFaults } from './fault-tables/site.ts';
import { plainText } from './plain-text.ts';
import { operatorNouns, tenantMessages, unknownToTenants } from './tenant-messages.ts';

export const faultTable = {
  ...requestFaults,
  ...nodeFaults,
  ...networkFaults,
  ...bmcFaults,
  ...deploymentFaults,
  ...siteFaults,
} as const satisfies Record<string, FaultRow>;

export type FaultCode = keyof typeof faultTable;

/** Fails to compile while a fault is missing in the table. */
const tenantTable: Readonly<Record<FaultCode, true | string>> = tenantMessages;

/**
 * The BMC did not receive the request, or was temporarily unavailable, above all during a restart: the request may be
 * retried.
 */
export const passingBmcFaults: readonly FaultCode[] = ['bmcUnreachable', 'bmcNotReady', 'limitReached'];

/** The BMC was reached with valid credentials, but the request did not succeed. */
export const failedBmcFaults: readonly FaultCode[] = [
  'bmcError',
  'bmcUnsupported',
  'bmcMalformedReply',
  'bmcInsufficientPrivilege',
  'bmcConnectionClosed',
];

export type FaultFields = Readonly<Record<string, string | number>>;

/**
 * A fault as stored with operations, nodes and servers. `tenant_message`: what tenants see instead of message and hint.
 */
export type FaultRecord = { code: FaultCode; message: string; hint?: string; step?: string; tenant_message?: string };

/** The only error class that drivers, engine and API throw on purpose. Any other error is a defect. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly status: number;
  readonly hint: string | undefined;
  /** The values inserted into the message. */
  readonly fields: FaultFields;
  /** What tenants see instead of message and hint; undefined: both unchanged. */
  readonly tenant_message: string | undefined;
  /** Only for the developer's log, never displayed. It may contain a peer's response, but no secrets. */
  readonly detail: unknown;

  constructor(code: FaultCode, fields: FaultFields = {}, detail?: unknown) {
    const row: FaultRow = faultTable[code];
    super(fill(row.message, fields));
    this.name = 'Fault';
    this.code = code;
    this.status = row.status;
    this.fields = fields;
    this.hint = row.hint && fill(row.hint, fields);
    this.tenant_message = tenantMessageOf(code, fields);
    this.detail = detail;
  }

  toRecord(step?: string): FaultRecord {
    const { code, message, hint, tenant_message } = this;
    return { code, message, ...(hint && { hint }), ...(step && { step }), ...(tenant_message && { tenant_message }) };
  }
}

function tenantMessageOf(code: FaultCode, fields: FaultFields): string | undefined {
  const message = tenantTable[code];
  if (message !== true) return fill(message, fields);
  return code === 'notFound' && operatorNouns.includes(String(fields['what'])) ? unknownToTenants : undefined;
}

/**
 * The message and hint that a tenant may read. For a record stored by an earlier version only the code is available.
 */
export function redactFault(fault: Fault | FaultRecord): Pick<FaultRecord, 'message'> & { hint?: string | undefined } {
  if (fault.tenant_message) return { message: fault.tenant_message };
  const known = Object.hasOwn(tenantTable, fault.code) ? tenantTable[fault.code] : unknownToTenants;
  if (known === true) return { message: fault.message, hint: fault.hint };
  return { message: known.includes('{') ? unknownToTenants : known };
}

/** Message and hint as displayed; null if there is no fault. */
export function formatFault(fault: Pick<FaultRecord, 'message' | 'hint'> | null | undefined): string | null {
  if (!fault) return null;
  return fault.hint ? `${fault.message} ${fault.hint}` : fault.message;
}

/** Converts any thrown value to a Fault: anything else is a defect and becomes `internal`. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault('internal', { detail: error instanceof Error ? error.message : String(error) }, error);
}

const usual: FaultFields = { device: 'BMC' };

/** Limit of a rejected value that is quoted in a message (characters). */
const longestValue = 4_000;
const shorten = (text: string) => (text.length > longestValue ? `${text.slice(0, longestValue)}…` : text);

/** Avoids a doubled period if a value ends with one. */
function fill(template: string, fields: FaultFields): string {
  const text = template.replace(/\{(\w+)\}(\.?)/g, (_, name: string, stop: string) => {
    const value = plainText(shorten(String(fields[name] ?? usual[name] ?? '?')));
    return /[.!?]$/.test(value) ? value : value + stop;
  });
  return text.replace('(1 attempts in', '(1 attempt in');
}
