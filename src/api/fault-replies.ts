/** Any fault as the reply that the clients of each service understand. The only place that knows error shapes. */
import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { asFault, Fault, formatFault } from '#domain/faults.ts';
import { faultFor } from './redact-faults.ts';
import type { RouteMethods } from './route-methods.ts';

export type ServiceName = 'identity' | 'compute' | 'image' | 'network' | 'baremetal';

type Shape = (fault: Fault, text: string) => object;

/** Nova wraps an error in a name that goes with its status. */
const novaNameTable: Readonly<Record<number, string>> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

const titled: Shape = (fault, text) => ({
  error: { code: fault.status, message: text, title: STATUS_CODES[fault.status] ?? 'Error' },
});

const shapeTable: Record<ServiceName, Shape> = {
  identity: titled,
  image: titled,
  compute: (fault, text) => ({ [novaNameTable[fault.status] ?? 'computeFault']: { code: fault.status, message: text } }),
  network: (fault, text) => ({ NeutronError: { type: neutronType(fault), message: text, detail: '' } }),
  baremetal: (fault, text) => ({
    error_message: JSON.stringify({ faultcode: fault.status < 500 ? 'Client' : 'Server', faultstring: text, debuginfo: null }),
  }),
};

/** Neutron names exceptions: `NetworkNotFound`, `IpAddressInUse`. */
function neutronType(fault: Fault): string {
  if (fault.code === 'forbidden') return 'PolicyNotAuthorized';
  if (fault.code === 'notFound') return `${fault.fields['what']}NotFound`.replaceAll(' ', '');
  return fault.code.charAt(0).toUpperCase() + fault.code.slice(1);
}

/** An error handler for Fastify. Defects are logged whole and shown without their inside. */
export function replyWithFault(service: ServiceName) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const hungUp = request.raw.destroyed && !request.raw.complete && !(error instanceof Fault);
    const fault = hungUp ? new Fault('interrupted', { what: 'A request', why: 'the client disconnected' }) : faultOf(error);
    if (fault.code === 'internal') request.log.error({ err: error }, 'defect');
    else if (fault.status >= 500) request.log.warn({ code: fault.code, detail: fault.message }, 'request failed');
    // No hook has run where the router could not read the URL.
    reply.header('x-openstack-request-id', request.id);
    if (fault.code === 'unauthorized') reply.header('www-authenticate', 'Keystone uri="/identity/v3"');
    if (fault.code === 'tooManyRequests') reply.header('retry-after', fault.fields['seconds']);
    reply.code(fault.status).send(shapeTable[service](fault, textOf(fault, request)));
  };
}

/** Without a path, or without this method at it. */
export function replyNotFound(service: ServiceName, methods: RouteMethods) {
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const [path = ''] = request.url.split('?');
    const allowed = methods.at(path);
    const fault =
      allowed.length > 0
        ? new Fault('methodNotAllowed', { method: request.method, resource: path, allowed: allowed.join(', ') })
        : new Fault('notFound', { what: 'Resource', id: `${request.method} ${path}` });
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    reply.code(fault.status).send(shapeTable[service](fault, fault.message));
  };
}

function textOf(fault: Fault, request: FastifyRequest): string {
  if (fault.code === 'internal') return `Unexpected error; the log has more under ${request.id}.`;
  return formatFault(faultFor(request.caller, fault)) ?? '';
}

/** Fastify's own errors (unreadable JSON, body too large, unknown media type) are the caller's. */
function faultOf(error: FastifyError): Fault {
  if (error instanceof Fault || !error.statusCode || error.statusCode >= 500) return asFault(error);
  if (error.statusCode === 413) return new Fault('tooLarge', { detail: error.message });
  if (error.statusCode === 415) return new Fault('unsupportedMediaType', { detail: error.message });
  return new Fault('badRequest', { detail: error.message });
}
