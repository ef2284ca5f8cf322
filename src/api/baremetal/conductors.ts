/** `/v1/conductors`: the one that there is. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext } from '../context.ts';
import { field, selectFields } from './fields.ts';
import { linksTo } from './links.ts';
import { conductorName } from './node-fields.ts';
import { route } from './policy.ts';

const Word = Type.Optional(Type.String());
const Conductor = Type.Record(Type.String(), Type.Unknown());

export const conductorRoutes = [
  route({
    method: 'GET',
    path: '/conductors',
    policy: 'baremetal:conductor:get',
    summary: 'List conductors',
    query: Type.Object({
      detail: Type.Optional(Type.Boolean()),
      ...{ fields: Word, limit: Word, marker: Word, sort_key: Word, sort_dir: Word },
    }),
    reply: Type.Object({ conductors: Type.Array(Conductor) }),
    handler(request, context) {
      const { detail, fields } = request.query;
      const selection = detail ? {} : { fields, brief: ['hostname', 'conductor_group', 'alive'] };
      return { conductors: [conductorJson(context, request, selection)] };
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
      if (name !== conductorName) throw new Fault('notFound', { what: 'Conductor', id: name });
      return conductorJson(context, request, request.query);
    },
  }),
];

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
