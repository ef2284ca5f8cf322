/** BIOS settings and firmware versions of a machine, read from its BMC. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { plainJson } from '#domain/plain-text.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { mask } from '#services/baremetal/secrets.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { atLeast } from '../http/microversions.ts';
import { field, selectFields } from './fields.ts';
import { since } from './since.ts';

const NodeParams = Type.Object({ node: Type.String() });
const SettingParams = Type.Object({ node: Type.String(), setting: Type.String() });
const PartQuery = Type.Object({ detail: Type.Optional(Type.Boolean()), fields: Type.Optional(Type.String()) });

export function registerNodeFirmware(app: ApiScope, context: ApiContext): void {
  const { engine } = context;
  const read = async (ident: string, isDetailed: boolean) => {
    const { uuid } = await findNode(context, ident);
    const settings = plainJson(await engine.biosSettings(uuid)).map(withoutPassword);
    const brief = ({ name, value }: (typeof settings)[number]) => ({ name, value });
    return settings.map((setting) => (isDetailed ? { ...nothingKnown, ...setting, unique: null } : brief(setting)));
  };
  app.get('/nodes/:node/bios', { schema: { params: NodeParams, querystring: PartQuery } }, async (request) => {
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
  const firmware = { preValidation: since(86), schema: { params: NodeParams, querystring: PartQuery } };
  app.get('/nodes/:node/firmware', firmware, async (request) => {
    const { uuid } = await findNode(context, request.params.node);
    const components = plainJson(await engine.firmwareComponents(uuid));
    const read_at = new Date().toISOString();
    const selection = { version: request.microversion, fields: request.query.fields };
    return { firmware: components.map((component) => selectFields(firmwareFields, { ...component, read_at }, selection)) };
  });
}

type FirmwareView = Awaited<ReturnType<ApiContext['engine']['firmwareComponents']>>[number] & { read_at: string };

/** The installed version is read from the BMC; the node's timeline has earlier versions and who installed them. */
const firmwareFields = [
  field<FirmwareView>('component', 86, ({ component }) => component),
  field<FirmwareView>('initial_version', 86, ({ version }) => version),
  field<FirmwareView>('current_version', 86, ({ version }) => version),
  field<FirmwareView>('last_version_flashed', 86, () => null),
  field<FirmwareView>('created_at', 86, ({ read_at }) => read_at),
  field<FirmwareView>('updated_at', 86, () => null),
];

/** Most Redfish services hide their passwords; some do not. */
function withoutPassword<S extends { type?: string; value: unknown; pending?: unknown }>(setting: S): S {
  if (setting.type !== 'Password') return setting;
  const hidden = (value: unknown) => (value === null || value === '' || value === undefined ? value : mask);
  return { ...setting, value: hidden(setting.value), ...('pending' in setting && { pending: hidden(setting.pending) }) };
}

/** Ironic shows null for facts missing in the registry. */
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
