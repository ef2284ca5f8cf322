/** `/v1/conductors`: the one that there is. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext } from '../context.ts';
import { field, selectFields } from './fields.ts';
import { linksTo } from './links.ts';
import { conductorName } from './node-fields.ts';
import { PageQuery, selectionOf, Word } from './page-query.ts';
import { route } from './policy.ts';

const Conductor = Type.Record(Type.String(), Type.Unknown());

export const conductorRoutes = [
  route({
    method: 'GET',
    path: '/conductors',
    policy: 'baremetal:conductor:get',
    summary: 'List conductors',
    query: PageQuery,
    reply: Type.Object({ conductors: Type.Array(Conductor) }),
    handler(request, context) {
      const { marker, sort_key } = request.query;
      const shown = conductorJson(context, request, selectionOf(request.query, ['hostname', 'conductor_group', 'alive']));
      if (sort_key !== undefined && !sortable.includes(sort_key))
        throw new Fault('badRequest', { detail: `The sort_key value ${sort_key} is an invalid field for sorting` });
      if (marker !== undefined) refuseUnknown(marker);
      // Every page that begins after it is empty.
      return { conductors: marker === undefined ? [shown] : [] };
    },
  }),
  route({
    method: 'GET',
    path: '/conductors/:name',
    policy: 'baremetal:conductor:get',
    summary: 'Show a conductor',
    query: Type.Object({ fields: Word }),
    reply: Conductor,
    handler(request, context) {
      const { name } = request.params;
      refuseUnknown(name);
      return conductorJson(context, request, request.query);
    },
  }),
];

/** Columns of Ironic's table: `alive` and `drivers` are none. */
const sortable: readonly string[] = ['id', 'hostname', 'conductor_group', 'online', 'version', 'created_at', 'updated_at'];

function refuseUnknown(name: string): void {
  if (name !== conductorName) throw new Fault('notFound', { what: 'Conductor', id: name });
}

/** Of the base URL. */
const conductorFields = ({ drivers }: ApiContext) => [
  field<string>('hostname', 1, () => conductorName),
  field<string>('conductor_group', 1, () => ''),
  field<string>('alive', 1, () => true),
  field<string>('drivers', 1, () => Object.keys(drivers.hardwareTypes)),
  field<string>('updated_at', 1, () => new Date().toISOString()),
  field<string>('links', 1, (base) => linksTo(base, `conductors/${conductorName}`)),
];

function conductorJson(
  context: ApiContext,
  request: FastifyRequest,
  selection: { fields?: string | undefined; brief?: readonly string[] },
) {
  return selectFields(conductorFields(context), context.baseUrl(request), { ...selection, version: request.microversion });
}
