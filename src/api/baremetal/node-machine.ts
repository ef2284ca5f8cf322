/** BMC functions besides power: boot device and mode, NMI, indicator, console, vendor methods. */
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { plainJson } from '#domain/plain-text.ts';
import { maskUrlSecrets } from '#domain/url-secrets.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { booleanOf, LooseBoolean } from '#services/loose-booleans.ts';
import type { ApiContext, ApiScope } from '../context.ts';

const NodeParams = Type.Object({ node: Type.String() });
const choice = <const T extends readonly string[]>(words: T) => Type.Union(words.map((word) => Type.Literal(word)));

export function registerNodeMachine(app: ApiScope, context: ApiContext): void {
  registerBoot(app, context);
  registerIndicators(app, context);
  registerConsole(app, context);
  registerPassthru(app, context);
}

function registerConsole(app: ApiScope, context: ApiContext): void {
  const path = '/nodes/:node/states/console';
  app.get(path, { schema: { params: NodeParams } }, async (request) => {
    const { uuid, console_enabled } = await findNode(context, request.params.node);
    const url = console_enabled
      ? context.consoles.issue({ node: uuid, token: request.token }, context.baseUrl(request))
      : undefined;
    return { console_enabled, console_info: url ? { type: 'websocket', url } : null };
  });
  const body = Type.Object({ enabled: LooseBoolean });
  app.put(path, { schema: { params: NodeParams, body } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    await context.engine.setConsole(uuid, booleanOf('enabled', request.body.enabled));
    reply.header('location', `${context.baseUrl(request)}/baremetal/v1/nodes/${uuid}/states/console`);
    return accepted(reply);
  });
}

const bootDevices = ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy', 'uefihttp'] as const;
const BootDeviceRequest = Type.Object({
  boot_device: choice(bootDevices),
  persistent: Type.Optional(LooseBoolean),
  /** An Ingot extension: the URL that the firmware boots from, with `uefihttp`. */
  uri: Type.Optional(Type.String({ pattern: '^https?://[!-~]+$', maxLength: 2048 })),
});
const ModeRequest = Type.Object({ target: choice(['bios', 'uefi']) });
/** The client sends the word as typed. */
const SecureBootRequest = Type.Object({ target: LooseBoolean });

function registerBoot(app: ApiScope, context: ApiContext): void {
  const { engine } = context;
  const path = '/nodes/:node/management/boot_device';

  app.get(path, { schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    const { device, persistent } = await engine.getBootDevice(uuid);
    return { boot_device: device, persistent };
  });
  app.get(`${path}/supported`, { schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    return { supported_boot_devices: await engine.supportedBootDevices(uuid) };
  });
  app.put(path, { schema: { params: NodeParams, body: BootDeviceRequest } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    const { boot_device, persistent = false, uri } = request.body;
    const device = boot_device as (typeof bootDevices)[number];
    if ((device === 'uefihttp') !== (uri !== undefined))
      throw new Fault('badRequest', { detail: "'uri' goes with the boot device 'uefihttp', and with no other." });
    const isPersistent = booleanOf('persistent', persistent);
    await engine.setBootDevice(uuid, device, { persistent: isPersistent, ...(uri !== undefined && { uri }) });
    reply.code(204).send();
  });
  app.put('/nodes/:node/states/boot_mode', { schema: { params: NodeParams, body: ModeRequest } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    await engine.setBootMode(uuid, request.body.target as 'bios' | 'uefi');
    return accepted(reply);
  });
  app.put(
    '/nodes/:node/states/secure_boot',
    { schema: { params: NodeParams, body: SecureBootRequest } },
    async (request, reply) => {
      const { uuid } = await findNode(context, request.params.node);
      await engine.setSecureBoot(uuid, booleanOf('target', request.body.target));
      return accepted(reply);
    },
  );
  app.put('/nodes/:node/management/inject_nmi', { schema: { params: NodeParams } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    await engine.injectNmi(uuid);
    reply.code(204).send();
  });
}

/** The only LED supported: the one that locates the machine in its rack. */
const component = 'system';
const indicator = 'led';
const states = ['ON', 'OFF', 'BLINKING'] as const;

function registerIndicators(app: ApiScope, context: ApiContext): void {
  const { engine } = context;
  const IndicatorParams = Type.Object({ node: Type.String(), component: Type.String(), indicator: Type.String() });
  const path = '/nodes/:node/management/indicators';
  const known = { name: indicator, readonly: false, states };

  app.get(path, { schema: { params: NodeParams } }, async (request) => {
    await findNode(context, request.params.node);
    return { components: [{ name: component, links: [] }] };
  });
  app.get(`${path}/:component`, { schema: { params: Type.Omit(IndicatorParams, ['indicator']) } }, async (request) => {
    await findNode(context, request.params.node);
    refuseUnknownIndicator({ ...request.params, indicator });
    return { indicators: [{ ...known, links: [] }] };
  });
  app.get(`${path}/:component/:indicator`, { schema: { params: IndicatorParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    refuseUnknownIndicator(request.params);
    return { state: (await engine.getIndicator(uuid)).toUpperCase() };
  });
  const body = Type.Object({ state: choice(states) });
  app.put(`${path}/:component/:indicator`, { schema: { params: IndicatorParams, body } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    refuseUnknownIndicator(request.params);
    await engine.setIndicator(uuid, String(request.body.state).toLowerCase() as 'on' | 'off' | 'blinking');
    reply.code(204).send();
  });
}

function refuseUnknownIndicator(asked: { component: string; indicator: string }): void {
  if (asked.component !== component) throw new Fault('notFound', { what: 'Component', id: asked.component });
  if (asked.indicator !== indicator) throw new Fault('notFound', { what: 'Indicator', id: asked.indicator });
}

const PassthruQuery = Type.Record(Type.String(), Type.Unknown());

function registerPassthru(app: ApiScope, context: ApiContext): void {
  const { engine } = context;
  app.get('/nodes/:node/vendor_passthru/methods', { schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    const methods = Object.entries(await engine.vendorMethods(uuid));
    const described = methods.map(([name, { help, http }]) => {
      return [
        name,
        { description: help, http_methods: http, async: false, attach: false, require_exclusive_lock: !http.includes('GET') },
      ];
    });
    return Object.fromEntries(described);
  });
  for (const path of ['/nodes/:node/vendor_passthru', '/nodes/:node/vendor_passthru/:method']) {
    app.route({
      method: ['GET', 'POST', 'PUT', 'DELETE'],
      url: path,
      schema: { querystring: PassthruQuery },
      async handler(request, reply) {
        const { node: ident, method: named } = request.params as { node: string; method?: string };
        const { method = named, ...query } = request.query as Record<string, unknown>;
        if (typeof method !== 'string') throw new Fault('badRequest', { detail: 'Method not specified' });
        const { uuid } = await findNode(context, ident);
        const parameters = { ...query, ...readParameters(request.body) } as JsonObject;
        const http = request.method === 'HEAD' ? 'GET' : request.method;
        const answer = await engine.callVendor(uuid, { method, http, parameters });
        if (answer === null) return reply.code(204).send();
        return reply.type('application/json').send(JSON.stringify(plainJson(answer, maskUrlSecrets)));
      },
    });
  }
}

function readParameters(body: unknown): object {
  if (body === undefined || body === null || (Buffer.isBuffer(body) && body.length === 0)) return {};
  if (typeof body !== 'object' || Array.isArray(body))
    throw new Fault('badRequest', { detail: 'The body must be a JSON object.' });
  return body;
}

function accepted(reply: FastifyReply): FastifyReply {
  return reply.code(202).send();
}
