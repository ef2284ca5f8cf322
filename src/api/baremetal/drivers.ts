/** `/v1/drivers`: the hardware types and their properties. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { fixedInterfaceTable, interfaceKinds, rowOf } from '#domain/interface-kinds.ts';
import { logicalDiskProperties } from '#domain/raid.ts';
import { type HardwareTypeFacts, propertiesOf } from '#services/baremetal/driver-catalog.ts';
import type { ApiContext } from '../context.ts';
import { field, selectFields } from './fields.ts';
import { conductorName } from './node-fields.ts';
import { route } from './policy.ts';
import { requireVersion } from './since.ts';
import { AnyQuery } from './strict-requests.ts';

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

const Driver = Type.Record(Type.String(), Type.Unknown());
const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const;
const passthruPaths = ['/drivers/:driver/vendor_passthru', '/drivers/:driver/vendor_passthru/:method'] as const;

export const driverRoutes = [
  route({
    method: 'GET',
    path: '/drivers',
    policy: 'baremetal:driver:get',
    summary: 'List drivers',
    query: DriverQuery,
    reply: Type.Object({ drivers: Type.Array(Driver) }),
    handler(request, context) {
      const { type, detail, fields } = request.query;
      if (detail && fields !== undefined)
        throw new Fault('badRequest', { detail: 'Can not specify ?detail=True and fields in the same request.' });
      const types = type === 'classic' ? [] : Object.values(context.drivers.hardwareTypes);
      const selection = { version: request.microversion, fields, ...(!detail && { brief: briefFields }) };
      const base = context.baseUrl(request);
      return { drivers: types.map((each) => selectFields(driverFields, { type: each, base }, selection)) };
    },
  }),
  route({
    method: 'GET',
    path: '/drivers/:driver',
    policy: 'baremetal:driver:get',
    summary: 'Show a driver',
    query: DriverQuery,
    reply: Driver,
    handler(request, context) {
      const view = { type: findType(context, request.params.driver), base: context.baseUrl(request) };
      return selectFields(driverFields, view, { version: request.microversion, fields: request.query.fields });
    },
  }),
  route({
    method: 'GET',
    path: '/drivers/:driver/properties',
    policy: 'baremetal:driver:get_properties',
    summary: 'Show the properties of a driver',
    reply: Type.Record(Type.String(), Type.String()),
    handler(request, context) {
      const found = propertiesOf(context.drivers, findType(context, request.params.driver));
      return Object.fromEntries(Object.entries(found).map(([name, property]) => [name, explain(property)]));
    },
  }),
  route({
    method: 'GET',
    path: '/drivers/:driver/vendor_passthru/methods',
    policy: 'baremetal:driver:vendor_passthru',
    summary: 'List the vendor methods of a driver: none',
    reply: Type.Object({}),
    handler(request, context) {
      findType(context, request.params.driver);
      return {};
    },
  }),
  ...passthruPaths.flatMap((path) =>
    methods.map((method) =>
      route({
        method,
        path,
        policy: 'baremetal:driver:vendor_passthru',
        summary: 'Call a vendor method of a driver: there are none',
        query: AnyQuery,
        handler: refuseMethod,
      }),
    ),
  ),
  route({
    method: 'GET',
    path: '/drivers/:driver/raid/logical_disk_properties',
    policy: 'baremetal:driver:get_raid_logical_disk_properties',
    summary: 'Show the properties of logical disks in RAID configurations',
    reply: Type.Record(Type.String(), Type.String()),
    handler(request, context) {
      requireVersion(request.microversion, 'RAID', 12);
      findType(context, request.params.driver);
      return { ...logicalDiskProperties };
    },
  }),
];

function refuseMethod(request: FastifyRequest, context: ApiContext): never {
  const { driver, method: named } = request.params as { driver: string; method?: string };
  findType(context, driver);
  const { method = named } = request.query as { method?: string };
  throw new Fault('badRequest', {
    detail: method === undefined ? 'Method not specified' : `No handler for method ${method}`,
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
