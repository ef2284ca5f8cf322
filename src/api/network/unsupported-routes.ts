/** Collections of Neutron that clients list routinely: always empty, and read-only. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { type NetworkRule, route, unsupportedRoute } from './policy.ts';

type Collection = {
  readonly path: string;
  /** In the name of the exception for one that does not exist. */
  readonly noun: string;
  readonly what: string;
  readonly get: NetworkRule;
  readonly create: NetworkRule | null;
};

const collectionTable: readonly Collection[] = [
  { path: 'flavors', noun: 'Flavor', what: 'A flavor of a network service', get: 'get_flavor', create: 'create_flavor' },
  {
    path: 'service_profiles',
    noun: 'ServiceProfile',
    what: 'A service profile',
    get: 'get_service_profile',
    create: 'create_service_profile',
  },
  { path: 'service-providers', noun: 'ServiceProvider', what: 'A service provider', get: 'get_service_provider', create: null },
];

export const unsupportedRoutes = collectionTable.flatMap(({ path, noun, what, get, create }) => {
  const plural = path.replaceAll('-', '_');
  return [
    route({
      method: 'GET',
      path: `/${path}`,
      policy: get,
      denied: 'nothing',
      summary: `List ${path.replace(/[-_]/g, ' ')}: always empty`,
      reply: Type.Object({ [plural]: Type.Array(Type.Object({})) }),
      handler: () => ({ [plural]: [] }),
    }),
    route({
      method: 'GET',
      path: `/${path}/:id` as '/x/:id',
      policy: get,
      denied: 'nothing',
      summary: `${what}: there is none`,
      handler(request) {
        throw new Fault('notFound', { what: noun, id: request.params.id });
      },
    }),
    unsupportedRoute({ method: 'POST', path: `/${path}`, policy: create ?? get, what }),
  ];
});
