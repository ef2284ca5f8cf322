/**
 * Requests made from the OpenAPI documents that Ingot serves, to a cloud with two projects: no reply may be an internal
 * error, and a refused request must have changed nothing.
 */
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { watchChanges } from '#test/a-store.ts';
import { adminPassword } from '#test/api-fixture.ts';
import { openTwoProjects, type TwoProjects } from '#test/two-projects.ts';
import { pick, type Roll } from './dice.ts';
import { judgeReply } from './http-bodies.ts';
import { mutateJsonText } from './json-mutations.ts';
import { KnownIds } from './known-ids.ts';
import { type JsonSchema, makeValue } from './schema-values.ts';
import type { Fixture, Target } from './target.ts';

const services = ['identity', 'compute', 'image', 'network', 'baremetal'] as const;

type Parameter = { readonly name: string; readonly in: string; readonly schema: JsonSchema };
type Content = { readonly content?: { readonly 'application/json'?: { readonly schema?: JsonSchema } } };
type Documented = {
  readonly parameters?: readonly Partial<Parameter>[];
  readonly requestBody?: Content;
  readonly 'x-openstack'?: { readonly supported?: false };
};
type ServiceDocument = {
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>;
};

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Operation = {
  readonly method: Method;
  /** With the prefix of the service, and `{name}` for its parameters. */
  readonly path: string;
  readonly queries: readonly Parameter[];
  readonly body: JsonSchema | undefined;
  readonly isSupported: boolean;
};

const actors = ['admin', 'member', 'nobody'] as const;
type Actor = (typeof actors)[number];
type Sent = {
  readonly actor: Actor;
  readonly method: Method;
  readonly url: string;
  readonly version: number;
  readonly body?: string;
};

/** Reads are as cheap to get right as they are frequent: other tests send many. */
const readsOneIn = 6;
/** So are replies that a feature is not there. */
const unsupportedOneIn = 30;
const mostRequests = 20_000;
const versions = [
  { 'x-openstack-nova-api-version': '2.1', 'x-openstack-ironic-api-version': '1.1' },
  { 'x-openstack-nova-api-version': '2.90', 'x-openstack-ironic-api-version': '1.78' },
  { 'x-openstack-nova-api-version': 'latest', 'x-openstack-ironic-api-version': 'latest' },
];

class Cloud {
  readonly projects: TwoProjects;
  readonly operations: readonly Operation[];
  readonly ids: KnownIds;
  readonly #changes: ReturnType<typeof watchChanges>;
  readonly #tokens = new Map<Actor, string | undefined>([['nobody', '']]);
  #requests = 0;

  private constructor(projects: TwoProjects, operations: readonly Operation[]) {
    this.projects = projects;
    this.operations = operations;
    this.ids = new KnownIds([projects.own, projects.others]);
    this.#changes = watchChanges(projects.fixture.store);
  }

  static async open(): Promise<Cloud> {
    const log = pino({ level: 'silent' });
    const projects = await openTwoProjects({ images: (store, directory) => createImageFiles({ store, directory, log }) });
    const documents = await Promise.all(
      services.map(async (name) => (await projects.fixture.ask({ url: `/${name}/openapi.json` })).body as ServiceDocument),
    );
    return new Cloud(projects, documents.flatMap(operationsOf));
  }

  /** False once one of them can no longer log in, or so much was made that nothing is found by chance. */
  async isUsable(): Promise<boolean> {
    if (this.#requests >= mostRequests) return false;
    const { logIn } = this.projects.fixture;
    const login = {
      admin: () => logIn('admin', adminPassword, 'admin'),
      member: () => logIn('mallory', 'a long password', 'mallory'),
    };
    for (const actor of ['admin', 'member'] as const) {
      if (this.#tokens.get(actor) === undefined) this.#tokens.set(actor, await login[actor]().catch(() => undefined));
    }
    return [...this.#tokens.values()].every((token) => token !== undefined);
  }

  async send({ actor, method, url, version, body }: Sent) {
    const { fixture } = this.projects;
    this.#requests += 1;
    // What an earlier request has set off must not be taken for the work of this one.
    await fixture.quiet();
    const changed = this.#changes();
    const reply = await fixture.ask({
      ...{ method, url },
      headers: {
        ...versions[version % versions.length],
        'x-auth-token': this.#tokens.get(actor) ?? '',
        ...(body !== undefined && { 'content-type': contentTypeOf(method, url) }),
      },
      ...(body !== undefined && { payload: body }),
    });
    const tables = changed().filter((table) => !records.has(table));
    if (reply.status === 401 && actor !== 'nobody') this.#tokens.set(actor, undefined);
    if (reply.status < 300) this.ids.learn(method, url, reply.body);
    // The first look at security groups makes a project's default group.
    if (reply.status >= 400 && tables.length > 0 && method !== 'GET')
      throw new Error(`${method} ${url} was refused (${reply.status}) and changed ${tables.join(', ')}: ${body}`);
    return reply;
  }
}

/** Tables that say what happened, also of what was refused. */
const records = new Set(['events', 'failed_logins']);

function contentTypeOf(method: Method, url: string): string {
  if (method === 'PATCH' && /^\/image\/v2\/images\//.test(url)) return 'application/openstack-images-v2.1-json-patch';
  return method === 'PUT' && url.endsWith('/file') ? 'application/octet-stream' : 'application/json';
}

function operationsOf({ servers: [server], paths }: ServiceDocument): Operation[] {
  const prefix = new URL(server?.url ?? '').pathname.replace(/\/$/, '');
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody, 'x-openstack': { supported = true } = {} }]) => ({
      method: method.toUpperCase() as Method,
      path: `${prefix}${path}`,
      queries: parameters.filter((each): each is Parameter => each.in === 'query'),
      body: requestBody?.content?.['application/json']?.schema,
      isSupported: supported,
    })),
  );
}

function requestOf({ operations, ids }: Cloud, roll: Roll): Sent {
  let operation = pick(operations, roll);
  while (isSkipped(operation, roll)) operation = pick(operations, roll);
  const { method, path, queries, body } = operation;
  const words = { roll, words: ids };
  const filled = path.replace(/\/([^/{}]+)\/\{(\w+)\}|\{(\w+)\}/g, (_, noun = '', name = '', lone = '') => {
    const id = encodeURIComponent(ids.of(noun, name || lone, roll));
    return noun === '' ? id : `/${noun}/${id}`;
  });
  const query = queries
    .filter(() => roll(queries.length + 1) === 0)
    .map(({ name, schema }) => `${encodeURIComponent(name)}=${encodeURIComponent(String(makeValue(schema, name, words)))}`);
  return {
    ...{ actor: roll(40) === 0 ? 'nobody' : roll(3) === 0 ? 'member' : 'admin', method, version: roll(versions.length) },
    url: [filled, ...(query.length > 0 ? [query.join('&')] : [])].join('?'),
    ...(body && { body: bodyText(makeValue(body, '', words), roll) }),
  };
}

function isSkipped({ method, isSupported }: Operation, roll: Roll): boolean {
  if (!isSupported && roll(unsupportedOneIn) > 0) return true;
  return (method === 'GET' || method === 'HEAD') && roll(readsOneIn) > 0;
}

/** Most requests are as documented: only they get as far as the rules behind the schemas. */
function bodyText(value: unknown, roll: Roll): string {
  return roll(5) === 0 ? mutateJsonText(value, roll).toString() : JSON.stringify(value);
}

export async function openDocumentedRequests(): Promise<Fixture> {
  let cloud = await Cloud.open();
  return {
    make: (roll) => Buffer.from(JSON.stringify(requestOf(cloud, roll))),
    async feed(input) {
      const sent = JSON.parse(input.toString()) as Sent;
      if (!(await cloud.isUsable())) {
        await cloud.projects.fixture.close();
        cloud = await Cloud.open();
        await cloud.isUsable();
      }
      const { status, body } = await cloud.send(sent);
      return judgeReply(`${sent.actor}: ${sent.method} ${sent.url} ${sent.body ?? ''}`, status, body);
    },
    close: () => cloud.projects.fixture.close(),
  };
}

/** An input names ids of the run that made it: one that fails tells what to look for, and is repeated by its seed alone. */
export const documentedRequestTarget: Target = {
  ...{ name: 'public api, requests by its documents', share: 6, slowMs: 1_500, grows: true },
  open: openDocumentedRequests,
};
