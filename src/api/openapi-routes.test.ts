import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { openApiFixture } from '#test/api-fixture.ts';

const routes: RouteOptions[] = [];
const fixture = await openApiFixture();
fixture.app.addHook('onRoute', (route) => void routes.push(route));
after(() => fixture.close());
await fixture.app.ready();

type Json = Record<string, unknown>;
type Document = { paths: Record<string, Record<string, Json>>; openapi: string; servers: { url: string }[] } & Json;

const services = {
  identity: '/identity/v3',
  compute: '/compute/v2.1',
  image: '/image/v2',
  network: '/network/v2.0',
  baremetal: '/baremetal/v1',
};

async function documentOf(service: string): Promise<Document> {
  const reply = await fixture.app.inject({ url: `/${service}/openapi.json`, headers: { host: 'cloud.example:6385' } });
  assert.equal(reply.statusCode, 200, reply.body);
  return reply.json();
}

for (const [service, prefix] of Object.entries(services)) {
  test(`the document of ${service} has each route, with policy and security`, async () => {
    const { paths, openapi, servers } = await documentOf(service);
    const registered = routes.filter(({ url, config }) => url.startsWith(`${prefix}/`) && config?.policy !== undefined);
    const missing = registered.flatMap(({ url, method, config }) =>
      [method].flat().flatMap((each) => {
        const path = url.slice(prefix.length).replace(/:(\w+)/g, '{$1}');
        const operation = paths[path]?.[each.toLowerCase()];
        const isFound = each === 'HEAD' || (operation && policiesOf(operation).length === (config?.rows?.length ?? 1));
        return isFound ? [] : [`${each} ${url}`];
      }),
    );

    assert.deepEqual(missing, []);
    assert.equal(openapi, '3.1.0');
    assert.equal(servers[0]?.url, `http://cloud.example:6385${prefix}`);
  });

  test(`the document of ${service} is valid: references resolve, path parameters match, ids are unique`, async () => {
    const document = await documentOf(service);
    const ids = new Set<unknown>();

    assert.deepEqual(
      referencesIn(document).filter((reference) => !resolves(document, reference)),
      [],
    );
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const inPath = (operation['parameters'] as Json[]).filter((each) => each['in'] === 'path').map(({ name }) => name);
        assert.deepEqual(
          inPath,
          [...path.matchAll(/{(\w+)}/g)].map(([, name]) => name),
          path,
        );
        assert.ok(!ids.has(operation['operationId']), `${method} ${path}`);
        ids.add(operation['operationId']);
        assert.ok('default' in (operation['responses'] as Json), path);
        assert.notEqual(operation['summary'], '', `${method} ${path}`);
      }
    }
  });
}

test('the document of compute has the versions of fields, routes and actions', async () => {
  const { paths, components } = await documentOf('compute');
  const create = paths['/os-keypairs']?.['post'] as Json;
  const action = paths['/servers/{id}/action']?.['post'] as Json;
  const flavor = JSON.stringify(paths['/flavors/{id}']?.['get']);

  assert.match(flavor, /"description":\{"anyOf":\[.*?\],"x-openstack":\{"min-ver":"2.55"\}\}/);
  const variants = (create['x-openstack'] as { variants: Json[] }).variants;
  assert.deepEqual(
    variants.map((variant) => [variant['min-ver'], variant['max-ver']]),
    [
      [undefined, '2.1'],
      ['2.2', '2.91'],
      ['2.92', undefined],
    ],
  );
  assert.ok(JSON.stringify(action).includes('"action-name":"rebuild"'));
  assert.equal(JSON.stringify(paths).includes('x-since'), false);
  assert.match(JSON.stringify(components), /X-Auth-Token/);
});

function policiesOf(operation: Json): unknown[] {
  const { variants, ...facts } = operation['x-openstack'] as Json & { variants?: Json[] };
  return (variants ?? [facts]).flatMap((each) => ('policy' in each ? [each['policy']] : []));
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { $ref } = value as { $ref?: unknown };
  return [...(typeof $ref === 'string' ? [$ref] : []), ...Object.values(value).flatMap(referencesIn)];
}

function resolves(document: unknown, reference: string): boolean {
  const parts = reference.replace(/^#\//, '').split('/');
  return parts.reduce<unknown>((value, part) => (value as Json | undefined)?.[part], document) !== undefined;
}
