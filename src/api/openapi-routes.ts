/** `/<service>/openapi.json`: the OpenAPI document of each service, for everyone. */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from './context.ts';
import type { ServiceName } from './http/fault-replies.ts';
import { openApiDocument } from './http/openapi.ts';
import type { RouteCatalogue } from './http/route-catalogue.ts';
import { microversionTable, type VersionedService } from './versions.ts';

type Service = {
  readonly name: ServiceName;
  readonly prefix: string;
  readonly microversions?: VersionedService;
  readonly takesBasic?: true;
};

const titles: Record<ServiceName, string> = {
  identity: 'Identity',
  compute: 'Compute',
  image: 'Image',
  network: 'Network',
  baremetal: 'Bare metal',
};
const policy = { public: 'The description of the API is the same for everyone and says nothing about the cloud.' };

export function registerOpenApi(
  app: FastifyInstance,
  { baseUrl }: Pick<ApiContext, 'baseUrl'>,
  { services, catalogue }: { services: readonly Service[]; catalogue: RouteCatalogue },
): void {
  const texts = new Map<string, string>();
  for (const { name, prefix, microversions, takesBasic } of services) {
    app.get(`/${name}/openapi.json`, { config: { policy } }, async (request, reply) => {
      const server = baseUrl(request);
      const versions = microversions && microversionTable[microversions];
      const text =
        texts.get(name) ??
        JSON.stringify(
          openApiDocument({
            ...{ title: titles[name], prefix, rows: catalogue.below(prefix), versions, takesBasic },
            server: placeholder,
          }),
        );
      texts.set(name, text);
      reply.header('content-type', 'application/json; charset=utf-8');
      return text.replaceAll(placeholder, JSON.stringify(server).slice(1, -1));
    });
  }
}

/** In the kept text, for the URL by which a client reaches the API. */
const placeholder = 'https://url-of-the-api.invalid';
