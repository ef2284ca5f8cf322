/** One of the two clouds: where its services are, and what it has given under which name. */

import { once } from 'node:events';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import type { Reply } from '../oracle/compare.ts';
import type { ServiceName, Step } from './scenario.ts';

/** Timeout of one response, and of a step's `until`. */
const maxWaitMs = 60_000;

/** Status of a connection that was closed without a reply. */
export const noReply = 0;

type Place = { readonly base: string; readonly version: string };
export type Places = Readonly<Record<ServiceName, string>>;
const versions: Readonly<Record<ServiceName, string>> = { identity: '/v3', image: '/v2', network: '/v2.0' };

export class Side {
  readonly name: string;
  /** Base URLs, without version. */
  readonly places: Places;
  readonly #values = new Map<string, string>();

  constructor(name: string, places: Places) {
    this.name = name;
    this.places = places;
  }

  /** What it has given, by name. */
  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  /** Logs the administrator in, and forgets what former scenarios have kept. */
  async begin(password: string): Promise<void> {
    this.#values.clear();
    const domain = { name: 'Default' };
    const user = { name: 'admin', password, domain };
    const auth = { identity: { methods: ['password'], password: { user } }, scope: { project: { name: 'admin', domain } } };
    const keeps = {
      ...{ adminToken: 'headers.x-subject-token', adminId: 'body.token.user.id', adminProject: 'body.token.project.id' },
    };
    const login: Step = { name: 'login', method: 'POST', path: '/auth/tokens', body: { auth }, as: null, keeps };
    const { status, body } = await this.ask('identity', login);
    if (status !== 201) throw new Error(`${this.name}: login as administrator: ${status} ${body}`);
    for (const role of ['admin', 'member', 'reader'])
      await this.ask('identity', {
        ...{ name: role, method: 'GET', path: `/roles?name=${role}`, keeps: { [`${role}Role`]: 'body.roles.0.id' } },
      });
  }

  /** Repeats the request if the step says so, and keeps what it names. */
  async ask(service: ServiceName, step: Step): Promise<Reply> {
    const end = Date.now() + maxWaitMs;
    for (;;) {
      const reply = await this.#send(service, step);
      const { until } = step;
      if (!until || at(reply, until.at) === until.is || Date.now() > end) {
        for (const [name, place] of Object.entries(step.keeps ?? {})) {
          const value = at(reply, place);
          if (typeof value === 'string') this.#values.set(name, value);
        }
        return reply;
      }
      await pause(200);
    }
  }

  async #send(service: ServiceName, { method, path, body, raw, headers = {}, as = 'adminToken' }: Step): Promise<Reply> {
    const { base, version } = this.#placeOf(service, path);
    const text = raw ?? (body === undefined ? undefined : JSON.stringify(this.#filled(body)));
    const all = {
      ...(text !== undefined && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
      accept: 'application/json',
      ...(as !== null && { 'x-auth-token': this.#valueOf(as) }),
      ...(this.#filled(headers) as Record<string, string>),
    };
    const url = `${base}${version}${this.#filledText(path.replace(/^\/\//, '/'))}`;
    // A kept connection may be closed by the service while the next request is on its way.
    const asked = request(url, { method, headers: all, signal: AbortSignal.timeout(maxWaitMs), agent: false });
    asked.end(text);
    try {
      const [reply] = await once(asked, 'response');
      const received = (await buffer(reply)).toString('utf8');
      return { status: reply.statusCode, headers: reply.headers, body: received };
    } catch (error) {
      return { status: noReply, headers: {}, body: (error as Error).message };
    }
  }

  #placeOf(service: ServiceName, path: string): Place {
    return { base: this.places[service], version: path.startsWith('//') ? '' : versions[service] };
  }

  #valueOf(name: string): string {
    return this.#values.get(name) ?? `none-${name}`;
  }

  #filledText(text: string): string {
    return text.replace(/\{([A-Za-z]\w*)\}/g, (_, name: string) => this.#valueOf(name));
  }

  #filled(value: unknown): unknown {
    if (typeof value === 'string') return this.#filledText(value);
    if (Array.isArray(value)) return value.map((each) => this.#filled(each));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [this.#filledText(name), this.#filled(each)]));
  }
}

/** @param place such as `body.user.id` */
function at({ headers, body }: Reply, place: string): unknown {
  const [first, ...names] = place.split('.');
  if (first === 'headers') return headers[names.join('.')];
  let value = jsonOf(body);
  for (const name of names) value = (value as Record<string, unknown> | null | undefined)?.[name];
  return value;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
