/** The public API as one Fastify application: five services under their paths, each with its own conventions. */
import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { maskUrlSecrets } from '#domain/url-secrets.ts';
import type { Engine } from '#engine/contract.ts';
import type { DriverCatalog } from '#services/baremetal/driver-catalog.ts';
import { BasicLogins } from '#services/identity/basic-logins.ts';
import type { Directory } from '#services/identity/directory/directory.ts';
import { BrowserLogins } from '#services/identity/federation/browser-logins.ts';
import { Issuer } from '#services/identity/federation/issuer.ts';
import { KeystoneTokens } from '#services/identity/keystone/keystone-tokens.ts';
import { LoginGuard } from '#services/identity/login-guard.ts';
import { Receipts } from '#services/identity/receipts.ts';
import { ownTokens } from '#services/identity/token-reader.ts';
import { Tokens } from '#services/identity/tokens.ts';
import type { ImageData } from '#services/image/context.ts';
import type { ImageImports } from '#services/image/imports/image-imports.ts';
import type { Store } from '#store/store.ts';
import { registerBaremetal, registerRamdiskEndpoints } from './baremetal/index.ts';
import { NodeRenderer } from './baremetal/node-view.ts';
import { registerCompute } from './compute/index.ts';
import { mayUseConsole } from './console-rights.ts';
import { type ConsoleGrant, ConsoleTickets } from './console-tickets.ts';
import { serveConsoles } from './consoles.ts';
import type { ApiContext, ApiScope } from './context.ts';
import { registerDiscovery } from './discovery.ts';
import { authenticate, recheckSlowReads } from './http/authentication.ts';
import { keepReserve } from './http/disk-reserve.ts';
import { type ErrorFormat, replyNotFound, replyWithFault, type ServiceName } from './http/fault-replies.ts';
import { jsonParser } from './http/json-body.ts';
import { readMediaType } from './http/media-types.ts';
import { negotiateMicroversion } from './http/microversions.ts';
import { checkOrdinaryHandlers, requirePolicies } from './http/policy/require-policies.ts';
import { refuseControls } from './http/printable-text.ts';
import { RouteCatalogue } from './http/route-catalogue.ts';
import { RouteMethods } from './http/route-methods.ts';
import { sendLongListsInSlices } from './http/sliced-json.ts';
import { schemaController } from './http/validation.ts';
import { registerIdentity, registerTokenIssue } from './identity/index.ts';
import { registerImage } from './image/index.ts';
import { readProtections } from './image/protections-file.ts';
import { networkErrorType } from './network/error-types.ts';
import { registerNetwork } from './network/index.ts';
import { registerOpenApi } from './openapi-routes.ts';
import { createPolicies } from './policies.ts';
import type { ApiPartSettings } from './settings.ts';
import { microversionTable, type VersionedService } from './versions.ts';

export type ApiParts = {
  store: Store;
  engine: Engine;
  images: ImageData;
  imports: ImageImports;
  /** The engine's drivers, for `baremetal driver list` and for masking their secrets. */
  drivers: DriverCatalog;
  settings: ApiPartSettings;
  log: FastifyBaseLogger;
  directory: Directory | undefined;
  /** Called whenever a connection has shown a valid token. */
  onAuthenticated?: (socket: Socket) => void;
  /** Key for signing tokens, at least 32 bytes; the slots of failed logins are derived from it. */
  tokenKey: Buffer;
  /** Monotonic clock in milliseconds, for counting login attempts; default: the process's. */
  clock?: (() => number) | undefined;
};

/** The default of oslo.middleware; routes that need more set their own. Image data is streamed and not counted. */
const bodyLimit = 114_688;
/** Idle timeout: a peer that sends and reads nothing for this long is gone. */
const silenceMs = 300_000;
/** Deadline for headers and for bodies other than image data: a slow sender would hold its connection for ever. */
const headersMs = 20_000;
const bodyMs = 60_000;
/** Deadline for bodies of requests without a token: a login is small. */
const openBodyMs = 10_000;
/** Grace period for running requests when the server closes. */
const closeMs = 5_000;

type Service = {
  readonly name: ServiceName;
  readonly prefix: string;
  readonly register: (app: ApiScope, context: ApiContext) => void | Promise<void>;
  /** Routes without authentication. */
  readonly open?: (app: ApiScope, context: ApiContext) => void;
  readonly microversions?: VersionedService;
  /** Whether a name and a secret in the request do instead of a token. */
  readonly takesBasic?: true;
};

const serviceTable: readonly Service[] = [
  { name: 'identity', prefix: '/identity/v3', register: registerIdentity, open: registerTokenIssue },
  { name: 'compute', prefix: '/compute/v2.1', register: registerCompute, microversions: 'compute' },
  { name: 'image', prefix: '/image/v2', register: registerImage },
  { name: 'network', prefix: '/network/v2.0', register: registerNetwork },
  {
    name: 'baremetal',
    prefix: '/baremetal/v1',
    register: registerBaremetal,
    open: registerRamdiskEndpoints,
    microversions: 'baremetal',
    takesBasic: true,
  },
];

const ownFormat: ErrorFormat = { types: { network: networkErrorType } };

/** Builds the application; `listen` or `inject` it. */
export function createApi(parts: ApiParts): FastifyInstance {
  const { tokenKey, clock, onAuthenticated = () => {}, ...shared } = parts;
  const consoles = new ConsoleTickets(parts.store);
  const tokens = new Tokens(parts.store, tokenKey);
  const policies = createPolicies(parts.settings['policy.file']);
  const logins = new LoginGuard(parts.store, { secret: tokenKey, now: clock });
  const { settings } = parts;
  const keystone = settings['keystone.auth_url'] === '' ? undefined : new KeystoneTokens(settings, parts.log);
  const issuer = keystone || settings['oidc.issuer'] === '' ? undefined : new Issuer(settings, parts.log);
  const services = keystone ? serviceTable.filter(({ name }) => name !== 'identity') : serviceTable;
  const format = keystone ? { ...ownFormat, keystone: keystone.uriForClients } : ownFormat;
  const context: ApiContext = {
    ...shared,
    policies,
    protections: readProtections(parts.settings['images.property_protections']),
    tokens,
    callers: keystone ?? ownTokens({ store: parts.store, tokens, directory: parts.directory }),
    issuer,
    receipts: new Receipts(tokenKey),
    browserLogins: new BrowserLogins(tokenKey),
    logins,
    consoles,
    nodeRenderer: new NodeRenderer(parts),
    waits: new Map(),
    baseUrl: baseUrlBy(settings),
  };
  const app = fastify({
    loggerInstance: parts.log,
    frameworkErrors: (error, request, reply) => replyWithFault(serviceAt(request.url), format)(error, request, reply),
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: parts.settings['api.trusted_proxies'],
    genReqId: () => `req-${randomUUID()}`,
    bodyLimit,
    connectionTimeout: silenceMs,
    rewriteUrl: ({ url = '' }) => withVersion(pathOf(url)),
    http: { headersTimeout: headersMs, connectionsCheckingInterval: 5_000 },
    schemaController,
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 255 },
  });
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, jsonParser(app));
  app.setErrorHandler<FastifyError>((error, request, reply) =>
    replyWithFault(serviceAt(request.url), format)(error, request, reply),
  );
  const methods = new RouteMethods(app);
  requirePolicies(app);
  const catalogue = new RouteCatalogue(app);
  app.setNotFoundHandler((request, reply) => replyNotFound(serviceAt(request.url), methods, format)(request, reply));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-openstack-request-id', request.id);
  });
  app.addHook('onRequest', readMediaType);
  app.addHook('preParsing', endTrickle);
  app.addHook('preValidation', refuseControls);
  app.addHook('onResponse', logRequest);
  app.addHook('preClose', async () => {
    setTimeout(() => app.server.closeAllConnections(), closeMs).unref();
  });
  app.addHook('onClose', async () => issuer?.close());
  if (keystone) {
    app.addHook('onListen', async () => void keystone.check());
    app.addHook('onClose', async () => keystone.close());
  }
  const isAllowed = (grant: ConsoleGrant) => mayUseConsole(context, grant);
  serveConsoles(app, { engine: parts.engine, tickets: consoles, isAllowed });
  registerDiscovery(app as ApiScope, context);
  registerOpenApi(app, context, { services, catalogue });
  const basic = keystone ? undefined : new BasicLogins(context);
  const hooks = { onAuthenticated, reserve: keepReserve(settings), methods, basic, format };
  for (const service of services) app.register(openService(service, context, hooks), { prefix: service.prefix });
  return app;
}

/** The service whose error format to use when no route matched, for example because the URL is invalid. */
function serviceAt(url: string): ServiceName {
  const first = url.replace(/^\/+/, '').split(/[/?]/, 1)[0];
  return serviceTable.find(({ name }) => name === first)?.name ?? 'identity';
}

/** A proxy may name the whole URL (RFC 9112, section 3.2.2); the router would, but access rules and versions go by the path. */
function pathOf(target: string): string {
  return target.replace(/^https?:\/\/[^/?#]*\/?/i, '/');
}

/** Ironic treats a path without a version as its only version, and its clients find it so in the catalogue. */
function withVersion(url: string): string {
  return url.replace(/^\/baremetal\/+(?!v1(?:[/?]|$)|openapi\.json$)(?=[^/?])/, '/baremetal/v1/');
}

type Hooks = {
  onAuthenticated: (socket: Socket) => void;
  reserve: ReturnType<typeof keepReserve>;
  methods: RouteMethods;
  basic: BasicLogins | undefined;
  format: ErrorFormat;
};

function openService(service: Service, context: ApiContext, { onAuthenticated, reserve, methods, format, ...hooks }: Hooks) {
  return async (app: FastifyInstance): Promise<void> => {
    app.setErrorHandler(replyWithFault(service.name, format));
    if (service.microversions) app.addHook('onRequest', negotiateMicroversion(microversionTable[service.microversions]));
    service.open?.(app as ApiScope, context);
    await app.register(async (closed) => {
      const basic = service.takesBasic ? hooks.basic : undefined;
      closed.addHook(
        'onRequest',
        authenticate(context, { service: service.name, acceptsUnscoped: service.name === 'identity', basic }),
      );
      closed.addHook('preSerialization', recheckSlowReads(context));
      checkOrdinaryHandlers(closed, context.policies[service.name]);
      sendLongListsInSlices(closed);
      closed.addHook('onRequest', async ({ raw }) => onAuthenticated(raw.socket));
      closed.addHook('onRequest', reserve(service.name));
      closed.setNotFoundHandler(replyNotFound(service.name, methods, format));
      await service.register(closed as ApiScope, context);
    });
  };
}

async function endTrickle({ raw, headers, caller }: FastifyRequest): Promise<void> {
  if (raw.complete || (caller && headers['content-type'] === 'application/octet-stream')) return;
  const timer = setTimeout(() => raw.complete || sayTimeout(raw.socket), caller ? bodyMs : openBodyMs).unref();
  raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}

/** As Node.js replies to late headers: no handler has the request yet. Injected requests have no connection. */
function sayTimeout(socket: Socket): void {
  if (!(socket instanceof Socket)) return;
  socket.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', () => socket.destroy());
}

function baseUrlBy(settings: ApiPartSettings): (request: FastifyRequest) => string {
  const fixed = settings['api.public_url'].replace(/\/+$/, '');
  return (request) => fixed || `${request.protocol}://${request.host}`;
}

/** Without secrets and the arguments of vendor methods, however the path is escaped. */
function shownUrl({ url, routeOptions }: FastifyRequest): string {
  const query = url.indexOf('?');
  const isVendors = routeOptions.url?.includes('/vendor_passthru') || url.lastIndexOf('/vendor_passthru', query) >= 0;
  return maskUrlSecrets(query >= 0 && isVendors ? `${url.slice(0, query)}?…` : url);
}

/** Logs one line per request; successful reads only at debug level. Masks console tokens, vendor method arguments. */
async function logRequest(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const isRoutine = reply.statusCode < 400 && (request.method === 'GET' || request.method === 'HEAD');
  request.log[isRoutine ? 'debug' : 'info'](
    {
      method: request.method,
      url: shownUrl(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      user: request.caller?.user_name,
    },
    'request',
  );
}
