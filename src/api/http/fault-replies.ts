/** Renders any fault in the error format of each service. The only module that knows these formats. */

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { asFault, Fault, type FaultCode, formatFault } from '#domain/faults.ts';
import { STATUS_CODES } from '#node-http/http.ts';
import { isBasicAuthorization } from './basic-authorization.ts';
import { faultFor } from './redact-faults.ts';
import type { RouteMethods } from './route-methods.ts';

export type ServiceName = 'identity' | 'compute' | 'image' | 'network' | 'baremetal';

/** `type`: the name of the service's own exception, if its format has one. */
type Shape = (fault: Fault, text: string, type: string) => object;

/** The names of a service's exceptions, which only the service knows. Default: the fault's code. */
export type ErrorTypes = Readonly<Partial<Record<ServiceName, (fault: Fault) => string>>>;

export type ErrorFormat = {
  readonly types?: ErrorTypes;
  /** Where clients get a token, in the reply to a request that has none. */
  readonly keystone?: string;
};

/** Nova wraps an error in a name that depends on its status. */
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

/** What the client may try instead, where Keystone says so. */
const authHints: Readonly<Partial<Record<FaultCode, (fault: Fault) => object>>> = {
  authMethodNotSupported: ({ fields }) => ({ methods: String(fields['methods']).split(' ') }),
  applicationCredentialAuth: () => ({}),
};

/** Keystone: failures of authentication plugins have `identity`. */
const keystoneError: Shape = (fault, text) => ({
  error: {
    code: fault.status,
    message: keystoneText(fault, text),
    title: STATUS_CODES[fault.status] ?? 'Error',
    ...(authHints[fault.code] && { identity: authHints[fault.code]?.(fault) }),
  },
});

/** `Could not find user: ID.` */
function keystoneText({ code, fields }: Fault, text: string): string {
  const what = String(fields['what']);
  if (code !== 'notFound' || what === 'Resource') return text;
  return `Could not find ${what === 'Application Credential' ? what : what.toLowerCase()}: ${fields['id']}.`;
}

const shapeTable: Record<ServiceName, Shape> = {
  identity: keystoneError,
  image: titled,
  compute: (fault, text) => ({ [novaNameTable[fault.status] ?? 'computeFault']: { code: fault.status, message: text } }),
  network: (_, text, type) => ({ NeutronError: { type, message: text, detail: '' } }),
  baremetal: (fault, text) => ({
    error_message: JSON.stringify({ faultcode: fault.status < 500 ? 'Client' : 'Server', faultstring: text, debuginfo: null }),
  }),
};

/** A Fastify error handler. Internal errors are logged in full and their details hidden from the client. */
export function replyWithFault(service: ServiceName, { types = {}, keystone = '/identity/v3' }: ErrorFormat = {}) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const hungUp = request.raw.destroyed && !request.raw.complete && !(error instanceof Fault);
    const fault = hungUp ? new Fault('clientDisconnected', { what: 'The request' }) : faultOf(error);
    if (fault.code === 'internal') request.log.error({ err: error }, 'defect');
    else if (fault.status >= 500 || fault.code === 'clientDisconnected')
      request.log.warn({ code: fault.code, detail: fault.message }, 'request failed');
    // No hook ran if the router could not parse the URL.
    reply.header('x-openstack-request-id', request.id);
    if (fault.status === 401) reply.header('www-authenticate', challengeTo(service, request, keystone));
    if (fault.code === 'tooManyRequests') reply.header('retry-after', fault.fields['seconds']);
    reply.code(fault.status).send(errorBody(service, types, { fault, text: textOf(fault, request) }));
  };
}

/** Ironic's realm only to who has sent a name and a secret: a browser would ask for them, and send them from any page. */
function challengeTo(service: ServiceName, { headers }: FastifyRequest, keystone: string): string {
  const isBasic = service === 'baremetal' && isBasicAuthorization(headers.authorization);
  return isBasic ? 'Basic realm="Baremetal API"' : `Keystone uri="${keystone}"`;
}

/** For an unknown path, or a path without this method. */
export function replyNotFound(service: ServiceName, methods: RouteMethods, { types = {} }: ErrorFormat = {}) {
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const [path = ''] = request.url.split('?');
    const allowed = methods.at(path);
    const fault =
      allowed.length > 0
        ? new Fault('methodNotAllowed', { method: request.method, resource: path, allowed: allowed.join(', ') })
        : new Fault('notFound', { what: 'Resource', id: `${request.method} ${path}` });
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    reply.code(fault.status).send(errorBody(service, types, { fault, text: fault.message }));
  };
}

function errorBody(service: ServiceName, types: ErrorTypes, { fault, text }: { fault: Fault; text: string }): object {
  return shapeTable[service](fault, text, types[service]?.(fault) ?? fault.code);
}

function textOf(fault: Fault, request: FastifyRequest): string {
  if (fault.code === 'internal') return `Unexpected error; the log has more under ${request.id}.`;
  return formatFault(isAbsentAsNamed(fault, request) ? fault : faultFor(request.caller, fault)) ?? '';
}

/** That there is nothing for a caller under the name in his own URL tells him nothing about the site. */
function isAbsentAsNamed({ code, fields }: Fault, { params }: FastifyRequest): boolean {
  return code === 'notFound' && Object.values(params as object).includes(fields['id']);
}

/** Fastify's own errors (invalid JSON, body too large, unsupported media type) are client errors. */
function faultOf(error: FastifyError): Fault {
  if (error instanceof Fault || !error.statusCode || error.statusCode >= 500) return asFault(error);
  if (error.statusCode === 413) return new Fault('tooLarge', { detail: error.message });
  if (error.statusCode === 415) return new Fault('unsupportedMediaType', { detail: error.message });
  return new Fault('badRequest', { detail: error.message });
}
