/** Ironic's API on the same nodes: `/baremetal/v1`. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { registerRoutes } from '../http/register-routes.ts';
import { checkNodeAccess } from './node-access.ts';
import { ramdiskEndpoints } from './ramdisk-endpoints.ts';
import { baremetalRoutes } from './routes.ts';
import { refuseUnknown } from './strict-requests.ts';

/** Routes without a token. */
export function registerRamdiskEndpoints(app: ApiScope, context: ApiContext): void {
  registerRoutes(app, context, { rows: ramdiskEndpoints, policy: context.policies.baremetal });
}

export function registerBaremetal(app: ApiScope, context: ApiContext): void {
  app.addHook('preParsing', async (request) => checkNodeAccess(request, context));
  app.addHook('preValidation', async (request) => refuseUnknownPath(request, context));
  app.addHook('preValidation', refuseUnknown);
  acceptEmptyBytes(app);
  registerRoutes(app, context, { rows: baremetalRoutes, policy: context.policies.baremetal });
}

/** Whoever may see nothing of this service does not learn which paths it has. */
function refuseUnknownPath({ is404, caller, method, url }: FastifyRequest, { policies }: ApiContext): void {
  if (!is404 || policies.baremetal.allows(caller, 'system_reader')) return;
  throw new Fault('forbidden', { detail: `Policy doesn't allow baremetal ${method} ${url.split('?')[0]} to be performed.` });
}

/** Ironic's client labels its DELETE requests `application/octet-stream` although they have no body. */
function acceptEmptyBytes(app: ApiScope): void {
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, async (_: FastifyRequest, body: Buffer) => {
    if (body.length > 0) throw new Fault('unsupportedMediaType', { detail: 'A body must be application/json.' });
  });
}
