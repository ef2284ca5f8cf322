/** BIOS settings and firmware versions of a machine, read from its BMC. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { plainJson } from '#domain/plain-text.ts';
import { type BiosSetting, readBiosSettings } from '#services/baremetal/bios.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import type { ApiContext } from '../context.ts';
import { atLeast } from '../http/microversions.ts';
import { field, refuseUnknownFields, selectFields } from './fields.ts';
import { route } from './policy.ts';

const PartQuery = Type.Object({ detail: Type.Optional(Type.Boolean()), fields: Type.Optional(Type.String()) });
const Facts = Type.Record(Type.String(), Type.Unknown());
/** The first minor microversion with the facts of the registry. */
const registrySince = 74;

export const nodeFirmwareRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/bios',
    policy: 'baremetal:node:bios:get',
    summary: 'List the BIOS settings of a node',
    query: PartQuery,
    reply: Type.Object({ bios: Type.Array(Facts) }),
    async handler(request, context) {
      const wanted = request.query.fields ? request.query.fields.split(',') : undefined;
      if (wanted) refuseUnknownFields(biosFields, wanted, request.microversion);
      const isDetailed = request.query.detail === true || wanted !== undefined;
      const isWhole = isDetailed && atLeast(request.microversion, registrySince);
      const settings = await readSettings(context, request.params.node, isWhole);
      return { bios: wanted ? settings.map((setting) => chosen(setting, wanted)) : settings };
    },
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/bios/:setting',
    policy: 'baremetal:node:bios:get',
    summary: 'Show a BIOS setting of a node',
    reply: Type.Record(Type.String(), Facts),
    async handler(request, context) {
      const { node, setting } = request.params;
      const settings = await readSettings(context, node, atLeast(request.microversion, registrySince));
      const found = settings.find(({ name }) => name === setting);
      if (!found) throw new Fault('notFound', { what: 'BIOS setting', id: setting });
      return { [setting]: found };
    },
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/firmware',
    policy: 'baremetal:node:firmware:get',
    since: 86,
    summary: 'List the firmware versions of a node',
    query: PartQuery,
    reply: Type.Object({ firmware: Type.Array(Facts) }),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      const components = plainJson(await context.engine.firmwareComponents(uuid));
      const read_at = new Date().toISOString();
      const selection = { version: request.microversion, fields: request.query.fields };
      return { firmware: components.map((component) => selectFields(firmwareFields, { ...component, read_at }, selection)) };
    },
  }),
];

type Facts = Record<string, unknown>;

async function readSettings(context: ApiContext, ident: string, isWhole: boolean): Promise<Facts[]> {
  const settings = await readBiosSettings(context, ident);
  return settings.map(({ name, value, pending, type, ...known }) => {
    const shown = { name, value: textOf(value) };
    if (!isWhole) return shown;
    const more = pending === undefined ? {} : { pending: textOf(pending) };
    return { ...nothingKnown, ...shown, ...known, ...more, attribute_type: type ?? null, unique: null };
  });
}

/** Ironic keeps all values as texts, and its clients read nothing else. */
function textOf(value: BiosSetting['value']): string | null {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === null || typeof value === 'string' ? value : JSON.stringify(value);
}

type FirmwareView = Awaited<ReturnType<ApiContext['engine']['firmwareComponents']>>[number] & { read_at: string };

/** The installed version is read from the BMC; the node's timeline has earlier versions and who installed them. */
const firmwareFields = [
  field<FirmwareView>('component', 86, ({ component }) => component),
  field<FirmwareView>('initial_version', 86, ({ version }) => version),
  field<FirmwareView>('current_version', 86, ({ version }) => version),
  field<FirmwareView>('last_version_flashed', 86, () => null),
  field<FirmwareView>('vendor', 114, ({ vendor = null }) => vendor),
  field<FirmwareView>('model', 114, ({ model = null }) => model),
  field<FirmwareView>('serial_number', 114, ({ serial_number = null }) => serial_number),
  field<FirmwareView>('created_at', 86, ({ read_at }) => read_at),
  field<FirmwareView>('updated_at', 86, () => null),
];

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

/** What can be asked for by name. */
const biosFields = ['name', 'value', ...Object.keys(nothingKnown), 'unique', 'pending', 'created_at', 'updated_at', 'links'].map(
  (name) => ({ name, since: 1 }),
);

function chosen(setting: Facts, wanted: readonly string[]): Facts {
  return Object.fromEntries(Object.entries(setting).filter(([name]) => name === 'name' || wanted.includes(name)));
}
