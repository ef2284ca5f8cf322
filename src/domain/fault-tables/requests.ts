/** What a client asks that no service does, whatever it is about. */
import type { FaultRow } from './fault-row.ts';

export const requestFaults = {
  badRequest: { status: 400, by: 'caller', message: '{detail}' },
  unauthorized: { status: 401, by: 'caller', message: 'The request you have made requires authentication.' },
  authenticationFailed: { status: 401, by: 'caller', message: '{detail}' },
  authMethodNotSupported: { status: 401, by: 'caller', message: 'Attempted to authenticate with an unsupported method.' },
  applicationCredentialAuth: {
    status: 401,
    by: 'caller',
    message: 'Error authenticating with application credential: {detail}',
  },
  forbidden: { status: 403, by: 'caller', message: '{detail}' },
  notFound: { status: 404, by: 'caller', message: '{what} {id} could not be found.' },
  /** In the service's own words. */
  missing: { status: 404, by: 'caller', message: '{detail}' },
  notOffered: { status: 404, by: 'caller', message: '{detail}' },
  recordNotFound: {
    status: 404,
    by: 'caller',
    message: 'History record {id} could not be found. It never existed or has expired (records.keep is {days} days).',
  },
  methodNotAllowed: { status: 405, by: 'caller', message: 'There is no {method} at {resource}, but {allowed}.' },
  notAcceptable: { status: 406, by: 'caller', message: '{detail}' },
  requestTimeout: { status: 408, by: 'caller', message: '{detail}' },
  clientDisconnected: { status: 400, by: 'caller', message: '{what} was aborted because the client disconnected.' },
  rangeNotSatisfiable: { status: 416, by: 'caller', message: '{detail}' },
  unsupportedMediaType: { status: 415, by: 'caller', message: '{detail}' },
  invalidImageData: { status: 415, by: 'caller', message: '{detail}' },
  tooManyRequests: { status: 429, by: 'caller', message: 'Too many {what}; try again in {seconds} s.' },
  conflict: { status: 409, by: 'caller', message: '{detail}' },
  preconditionFailed: { status: 412, by: 'caller', message: '{detail}' },
  tooLarge: { status: 413, by: 'caller', message: '{detail}' },
  unsupported: {
    status: 501,
    by: 'ingot',
    message: '{what} is not supported by Ingot yet.',
    hint: 'See docs/limits.md for what is not supported.',
  },
  invalidInput: { status: 400, by: 'caller', message: 'Invalid input for operation: {detail}.' },
  policyNotAuthorized: { status: 403, by: 'caller', message: 'rule:{rule} is disallowed by policy' },
  cancelled: { status: 409, by: 'caller', message: '{what} was cancelled: {why}.' },
  interrupted: { status: 500, by: 'caller', message: '{what} was interrupted: {why}.' },
} as const satisfies Record<string, FaultRow>;
