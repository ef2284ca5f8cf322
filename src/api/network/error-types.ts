/**
 * `NeutronError.type`: the name of Neutron's exception (neutron-lib, `exceptions`; webob's for errors of HTTP), by which
 * clients choose theirs. A fault of the network service has it in `type` where it is more specific than its code.
 */
import type { Fault, FaultCode } from '#domain/faults.ts';

/** Codes whose exception does not have their name. */
const typeTable: Readonly<Partial<Record<FaultCode, string>>> = {
  badRequest: 'HTTPBadRequest',
  clientDisconnected: 'HTTPBadRequest',
  forbidden: 'PolicyNotAuthorized',
  ipAddressInUse: 'IpAddressAlreadyAllocated',
  methodNotAllowed: 'HTTPMethodNotAllowed',
  notAcceptable: 'HTTPNotAcceptable',
  requestTimeout: 'HTTPRequestTimeout',
  tooLarge: 'HTTPRequestEntityTooLarge',
  tooManyRequests: 'HTTPTooManyRequests',
  unsupported: 'HTTPNotImplemented',
  unsupportedMediaType: 'HTTPUnsupportedMediaType',
};

/** Nouns whose exception is not `<noun>NotFound`. */
const notFoundTable: Readonly<Record<string, string>> = {
  Extension: 'HTTPNotFound',
  Resource: 'HTTPNotFound',
};

export function networkErrorType({ code, status, fields }: Fault): string {
  const { type, what } = fields;
  if (typeof type === 'string') return type;
  if (code === 'notFound') return notFoundTable[String(what)] ?? `${what}NotFound`.replaceAll(' ', '');
  const named = typeTable[code];
  if (named) return named;
  if (status >= 500) return status === 503 ? 'HTTPServiceUnavailable' : 'HTTPInternalServerError';
  return code.charAt(0).toUpperCase() + code.slice(1);
}
