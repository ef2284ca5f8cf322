/** `/v1/drivers`: the hardware types and their properties. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { fixedInterfaceTable, interfaceKinds, rowOf } from '#domain/interface-kinds.ts';
import { type HardwareTypeFacts, propertiesOf } from '#services/baremetal/driver-catalog.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { field, selectFields } from './fields.ts';
import { conductorName } from './node-json.ts';
import { AnyQuery } from './strict-requests.ts';

const DriverParams = Type.Object({ driver: Type.String() });
const DriverQuery = Type.Object({
  type: Type.Optional(Type.Union([Type.Literal('classic'), Type.Literal('dynamic')])),
  detail: Type.Optional(Type.Boolean()),
  fields: Type.Optional(Type.String()),
});

type DriverView = { type: HardwareTypeFacts; base: string };

const driverFields = [
  field<DriverView>('name', 1, ({ type }) => type.name),
  field<DriverView>('hosts', 1, () => [conductorName]),
  field<DriverView>('type', 30, () => 'dynamic'),
  field<DriverView>('links', 1, ({ type, base }) => driverLinks(base, type.name)),
  field<DriverView>('properties', 14, ({ type, base }) => driverLinks(base, `${type.name}/properties`)),
  ...interfaceKinds.flatMap((kind) => [
    field<DriverView>(`default_${kind}_interface`, rowOf(kind).since.driver, ({ type }) => type[kind][0] ?? null),
    field<DriverView>(`enabled_${kind}_interfaces`, rowOf(kind).since.driver, ({ type }) => type[kind]),
  ]),
  ...Object.entries(fixedInterfaceTable).flatMap(([kind, { name, since }]) => [
    field<DriverView>(`default_${kind}_interface`, since.driver, () => name),
    field<DriverView>(`enabled_${kind}_interfaces`, since.driver, () => [name]),
  ]),
];
const briefFields = ['name', 'hosts', 'type', 'links', 'properties'];

export function registerDrivers(app: ApiScope, context: ApiContext): void {
  const { drivers } = context;

  app.get('/drivers', { schema: { querystring: DriverQuery } }, async (request) => {
    const { type, detail, fields } = request.query;
    if (detail && fields !== undefined)
      throw new Fault('badRequest', { detail: 'Can not specify ?detail=True and fields in the same request.' });
    const types = type === 'classic' ? [] : Object.values(drivers.hardwareTypes);
    const selection = { version: request.microversion, fields, ...(!detail && { brief: briefFields }) };
    const base = context.baseUrl(request);
    return { drivers: types.map((each) => selectFields(driverFields, { type: each, base }, selection)) };
  });
  app.get('/drivers/:driver', { schema: { params: DriverParams, querystring: DriverQuery } }, async (request) => {
    const view = { type: findType(context, request.params.driver), base: context.baseUrl(request) };
    return selectFields(driverFields, view, { version: request.microversion, fields: request.query.fields });
  });
  app.get('/drivers/:driver/properties', { schema: { params: DriverParams } }, async (request) => {
    const found = propertiesOf(drivers, findType(context, request.params.driver));
    return Object.fromEntries(Object.entries(found).map(([name, property]) => [name, explain(property)]));
  });
  app.get('/drivers/:driver/vendor_passthru/methods', { schema: { params: DriverParams } }, async (request) => {
    findType(context, request.params.driver);
    return {};
  });
  for (const path of ['/drivers/:driver/vendor_passthru', '/drivers/:driver/vendor_passthru/:method']) {
    app.route({
      method: ['GET', 'POST', 'PUT', 'DELETE'],
      url: path,
      schema: { querystring: AnyQuery },
      async handler(request) {
        const { driver, method: named } = request.params as { driver: string; method?: string };
        findType(context, driver);
        const { method = named } = request.query as { method?: string };
        throw new Fault('badRequest', {
          detail: method === undefined ? 'Method not specified' : `No handler for method ${method}`,
        });
      },
    });
  }
  app.get('/drivers/:driver/raid/logical_disk_properties', { schema: { params: DriverParams } }, async (request) => {
    findType(context, request.params.driver);
    throw new Fault('unsupported', { what: 'RAID' });
  });
}

function findType({ drivers }: ApiContext, name: string): HardwareTypeFacts {
  const type = Object.hasOwn(drivers.hardwareTypes, name) ? drivers.hardwareTypes[name] : undefined;
  if (!type) throw new Fault('notFound', { what: 'Driver', id: name });
  return type;
}

function explain(property: { help: string; required?: boolean; default?: string }): string {
  const standard = !property.default ? '' : ` Default: ${property.default}.`;
  return `${property.help}${standard}${property.required ? ' Required.' : ''}`;
}

function driverLinks(base: string, path: string) {
  return [
    { href: `${base}/baremetal/v1/drivers/${path}`, rel: 'self' },
    { href: `${base}/baremetal/drivers/${path}`, rel: 'bookmark' },
  ];
}
