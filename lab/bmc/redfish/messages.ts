/** Messages of DMTF's Base registry: id, status, severity and text (DSP8011). `%1` is the first argument. */
import type { RedfishShape } from './redfish-shape.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Resource = { [key: string]: Json };

type MessageRow = {
  readonly status: number;
  readonly severity: 'OK' | 'Warning' | 'Critical';
  readonly text: string;
  readonly help: string;
};
const critical = 'Critical';
const warning = 'Warning';

export const messageTable = {
  Success: { status: 200, severity: 'OK', text: 'The request completed successfully.', help: 'None.' },
  GeneralError: {
    status: 500,
    severity: critical,
    text: 'A general error has occurred: %1',
    help: 'See the log of the service.',
  },
  MalformedJSON: { status: 400, severity: critical, text: 'The body was not JSON.', help: 'Send a JSON object.' },
  UnrecognizedRequestBody: {
    status: 415,
    severity: warning,
    text: 'The body is of no known type.',
    help: 'Send application/json.',
  },
  PropertyUnknown: { status: 400, severity: warning, text: 'The property %1 is not known here.', help: 'Leave it out.' },
  PropertyNotWritable: { status: 400, severity: warning, text: 'The property %1 is read-only.', help: 'Leave it out.' },
  PropertyMissing: { status: 400, severity: warning, text: 'The property %1 is required.', help: 'Send it.' },
  PropertyValueNotInList: {
    status: 400,
    severity: warning,
    text: 'The value %1 of %2 is not in its list.',
    help: 'Choose another.',
  },
  PropertyValueTypeError: { status: 400, severity: warning, text: 'The value %1 of %2 has the wrong type.', help: 'Correct it.' },
  PropertyValueFormatError: {
    status: 400,
    severity: warning,
    text: 'The value %1 of %2 has the wrong form.',
    help: 'Correct it.',
  },
  NoOperation: { status: 400, severity: warning, text: 'The body holds nothing to act upon.', help: 'Send a property.' },
  ActionParameterMissing: { status: 400, severity: critical, text: 'The action %1 needs %2.', help: 'Send it.' },
  ActionParameterNotSupported: {
    status: 400,
    severity: warning,
    text: 'The value %1 of %2 is not supported.',
    help: 'See the allowable values.',
  },
  ActionNotSupported: {
    status: 400,
    severity: critical,
    text: 'The action %1 is not supported.',
    help: 'See the Actions of the resource.',
  },
  NoValidSession: { status: 401, severity: critical, text: 'There is no valid session.', help: 'Log in.' },
  ResourceAtUriUnauthorized: { status: 401, severity: critical, text: 'User or password is wrong.', help: 'Correct them.' },
  InsufficientPrivilege: { status: 403, severity: critical, text: 'The account may not do this.', help: 'Use another.' },
  ResourceMissingAtURI: { status: 404, severity: critical, text: 'There is nothing at %1.', help: 'Correct the URI.' },
  OperationNotAllowed: {
    status: 405,
    severity: critical,
    text: 'The method is not allowed here.',
    help: 'See the header Allow.',
  },
  ResourceInStandby: { status: 409, severity: critical, text: 'The system is off.', help: 'Switch it on first.' },
  ResourceInUse: { status: 409, severity: warning, text: 'The resource is in use.', help: 'Free it first.' },
  PreconditionFailed: {
    status: 412,
    severity: critical,
    text: 'The ETag is not that of the resource.',
    help: 'Read the resource again.',
  },
  PreconditionRequired: {
    status: 428,
    severity: critical,
    text: 'If-Match is required.',
    help: 'Send the ETag of the resource.',
  },
  QueryNotSupported: { status: 501, severity: warning, text: 'Queries are not supported.', help: 'Leave it out.' },
  SessionLimitExceeded: {
    status: 503,
    severity: critical,
    text: 'There are as many sessions as there can be.',
    help: 'Close one.',
  },
  ServiceTemporarilyUnavailable: {
    status: 503,
    severity: critical,
    text: 'The service starts; wait %1 s.',
    help: 'Try again then.',
  },
} as const satisfies Readonly<Record<string, MessageRow>>;

export type MessageName = keyof typeof messageTable;

/** Thrown to respond with an error. */
export class RedfishRefusal extends Error {
  override name = 'RedfishRefusal';
  readonly messageName: MessageName;
  readonly args: readonly string[];
  /** Additional headers. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(messageName: MessageName, args: readonly string[] = [], headers: Readonly<Record<string, string>> = {}) {
    super(`${messageName} ${args.join(', ')}`);
    this.messageName = messageName;
    this.args = args;
    this.headers = headers;
  }

  get status(): number {
    return messageTable[this.messageName].status;
  }
}

/** One element of `@Message.ExtendedInfo`. */
export function describeMessage(shape: RedfishShape, name: MessageName, args: readonly string[] = []): Resource {
  const { severity, text, help } = messageTable[name];
  return {
    '@odata.type': '#Message.v1_1_1.Message',
    MessageId: `${shape.messageRegistry}.${name}`,
    Message: fill(text, args),
    MessageArgs: [...args],
    Severity: severity,
    MessageSeverity: severity,
    Resolution: help,
  };
}

function fill(text: string, args: readonly string[]): string {
  return text.replace(/%(\d)/g, (_, number: string) => args[Number(number) - 1] ?? '');
}

/** DSP0266, "Error responses". @returns the body in this vendor's form. */
export function errorBody(shape: RedfishShape, { messageName, args }: RedfishRefusal): Resource | string {
  const message = fill(messageTable[messageName].text, args);
  if (shape.errors === 'text') return `<html><body>${message}</body></html>`;
  const short = { code: `${shape.messageRegistry}.${messageName}`, message };
  if (shape.errors === 'short') return { error: short };
  const info = { '@Message.ExtendedInfo': [describeMessage(shape, messageName, args)] };
  return { error: { ...short, code: `${shape.messageRegistry}.GeneralError`, message: 'See ExtendedInfo.', ...info } };
}
