/** What a machine's BMC can do beside its power: boot device and mode, NMI, indicator, media, BIOS, firmware, vendor methods. */
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { plainJson, plainText } from '#domain/plain-text.ts';
import type { JsonObject } from '#domain/records.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { atLeast } from '../microversions.ts';
import { maskUrlSecrets } from '../url-secrets.ts';
import { findNode } from './lookup.ts';
import { mask } from './secrets.ts';

const NodeParams = Type.Object({ node: Type.String() });
const choice = <const T extends readonly string[]>(words: T) => Type.Union(words.map((word) => Type.Literal(word)));

export function registerNodeMachine(app: ApiScope, context: ApiContext): void {
  registerBoot(app, context);
  registerIndicators(app, context);
  registerMedia(app, context);
  registerFirmware(app, context);
  registerConsole(app, context);
  registerPassthru(app, context);
}

function registerConsole(app: ApiScope, context: ApiContext): void {
  const path = '/nodes/:node/states/console';
  app.get(path, { schema: { params: NodeParams } }, async (request) => {
    const { uuid, console_enabled } = await findNode(context, request.params.node);
    const url = console_enabled ? context.consoles.issue({ node: uuid }, context.baseUrl(request)) : undefined;
    return { console_enabled, console_info: url ? { type: 'websocket', url } : null };
  });
  const body = Type.Object({ enabled: Type.Boolean() });
  app.put(path, { schema: { params: NodeParams, body } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    await context.engine.setConsole(uuid, request.body.enabled);
    return accepted(reply);
  });
}

const bootDevices = ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy', 'uefihttp'] as const;
const BootDeviceRequest = Type.Object({
  boot_device: choice(bootDevices),
  persistent: Type.Optional(Type.Boolean()),
  /** Ingot's own: what the firmware fetches, with `uefihttp`. */
  uri: Type.Optional(Type.String({ pattern: '^https?://[!-~]+$', maxLength: 2048 })),
});
const ModeRequest = Type.Object({ target: choice(['bios', 'uefi']) });
/** The client sends the word that was typed. */
const SecureBootRequest = Type.Object({
  target: Type.Union([Type.Boolean(), choice(['on', 'off', 'true', 'false', 'True', 'False'])]),
});

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
    await engine.setBootDevice(uuid, device, { persistent, ...(uri !== undefined && { uri }) });
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
      await engine.setSecureBoot(uuid, ['true', 'on'].includes(String(request.body.target).toLowerCase()));
      return accepted(reply);
    },
  );
  app.put('/nodes/:node/management/inject_nmi', { schema: { params: NodeParams } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    await engine.injectNmi(uuid);
    reply.code(204).send();
  });
}

/** A machine has one LED that Ingot knows: the one by which a person finds it in the rack. */
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

const mediaDevices = ['cdrom', 'floppy', 'disk'] as const;
type MediaDevice = (typeof mediaDevices)[number];
const MediaRequest = Type.Object({
  device_type: choice(mediaDevices),
  image_url: Type.String({ pattern: '^(https?|nfs|cifs|ftp)://[!-~]+$', maxLength: 2048 }),
  image_download_source: Type.Optional(Type.Union([Type.Literal('http'), Type.Null()])),
});
const EjectQuery = Type.Object({ device_types: Type.Optional(Type.String()) });

/** Ironic's routes, there at every microversion: a client that knows them sends them. */
function registerMedia(app: ApiScope, context: ApiContext): void {
  const { engine } = context;
  const path = '/nodes/:node/vmedia';

  app.get(path, { schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    return { vmedia: (await engine.mediaSlots(uuid)).map(slotJson) };
  });
  app.post(path, { schema: { params: NodeParams, body: MediaRequest } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    await engine.insertMedia(uuid, request.body.device_type as MediaDevice, request.body.image_url);
    reply.code(204).send();
  });
  app.delete(path, { schema: { params: NodeParams, querystring: EjectQuery } }, async (request, reply) => {
    const { uuid } = await findNode(context, request.params.node);
    await engine.ejectMedia(uuid, readDevices(request.query.device_types));
    reply.code(204).send();
  });
}

/** The image is named as the BMC tells it, with whatever stood in the URL. */
function slotJson({ device, inserted, image }: Awaited<ReturnType<ApiContext['engine']['mediaSlots']>>[number]) {
  return { device_type: device, inserted, image: image && maskUrlSecrets(plainText(image)) };
}

function readDevices(text: string | undefined): readonly MediaDevice[] {
  if (text === undefined) return mediaDevices;
  return text.split(',').map((word) => {
    const device = mediaDevices.find((each) => each === word.trim());
    if (!device) throw new Fault('badRequest', { detail: `device_types must be of ${mediaDevices.join(', ')}, not '${word}'.` });
    return device;
  });
}

function registerFirmware(app: ApiScope, context: ApiContext): void {
  const { engine } = context;
  const SettingParams = Type.Object({ node: Type.String(), setting: Type.String() });
  const BiosQuery = Type.Object({ detail: Type.Optional(Type.Boolean()), fields: Type.Optional(Type.String()) });
  const read = async (ident: string, isDetailed: boolean) => {
    const { uuid } = await findNode(context, ident);
    const settings = plainJson(await engine.biosSettings(uuid)).map(withoutPassword);
    const brief = ({ name, value }: (typeof settings)[number]) => ({ name, value });
    return settings.map((setting) => (isDetailed ? { ...nothingKnown, ...setting, unique: null } : brief(setting)));
  };
  app.get('/nodes/:node/bios', { schema: { params: NodeParams, querystring: BiosQuery } }, async (request) => {
    const isDetailed = request.query.detail === true || request.query.fields !== undefined;
    const settings = await read(request.params.node, isDetailed && atLeast(request.microversion, 74));
    const wanted = request.query.fields?.split(',');
    return { bios: wanted ? settings.map((setting) => chosen(setting, wanted)) : settings };
  });
  app.get('/nodes/:node/bios/:setting', { schema: { params: SettingParams } }, async (request) => {
    const { setting } = request.params;
    const found = (await read(request.params.node, atLeast(request.microversion, 74))).find(({ name }) => name === setting);
    if (!found) throw new Fault('notFound', { what: 'BIOS setting', id: setting });
    return { [setting]: found };
  });
  app.get('/nodes/:node/firmware', { schema: { params: NodeParams } }, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    const components = plainJson(await engine.firmwareComponents(uuid));
    return {
      firmware: components.map(({ component: name, version }) => ({
        component: name,
        initial_version: version,
        current_version: version,
        last_version_flashed: null,
      })),
    };
  });
}

/** Most services show none of their passwords; some do. */
function withoutPassword<S extends { type?: string; value: unknown; pending?: unknown }>(setting: S): S {
  if (setting.type !== 'Password') return setting;
  const hidden = (value: unknown) => (value === null || value === '' || value === undefined ? value : mask);
  return { ...setting, value: hidden(setting.value), ...('pending' in setting && { pending: hidden(setting.pending) }) };
}

/** Ironic shows what the registry does not tell as null. */
const nothingKnown = {
  attribute_type: null,
  allowable_values: null,
  lower_bound: null,
  upper_bound: null,
  min_length: null,
  max_length: null,
  read_only: null,
  reset_required: null,
};

function chosen(setting: object, wanted: readonly string[]): object {
  return Object.fromEntries(Object.entries(setting).filter(([name]) => name === 'name' || wanted.includes(name)));
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
