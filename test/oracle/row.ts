/** One request that is sent to the current Ironic and to Ingot, whose replies shall be the same. */
import type { JsonObject } from '#domain/records.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** `$NODE` and `$PORT` in path or body stand for the UUIDs of what the row was given, `$OTHER` for its second node. */
export type Ask = {
  readonly method: Method;
  /** Below `/v1`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string;
  /** Microversion; null = none is asked for. Default: `newest`. */
  readonly version?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
};

/** What both are made to have before the request; a node is made unless it is null. All of it is removed afterwards. */
export type Given = {
  readonly node?: JsonObject | null;
  readonly state?: 'enroll' | 'manageable' | 'available';
  readonly maintenance?: boolean;
  readonly port?: JsonObject;
  readonly other?: JsonObject;
  /** Requests that must be granted. */
  readonly done?: readonly Ask[];
};

/** Where the two rightly differ: why, and in what. A difference that has gone fails the row, as a new one does. */
export type Difference = {
  readonly why: string;
  /** Their two statuses, Ironic's first; undefined = the same. */
  readonly status?: readonly [ironic: number, ingot: number];
  /** Places of the reply that differ, such as `body.extra.a`. */
  readonly at?: readonly string[];
};

export type Row = {
  readonly name: string;
  readonly given?: Given;
  readonly ask: Ask;
  /** A read afterwards, compared as well. */
  readonly afterwards?: Ask;
  /** Only these places of the replies are compared; default: all. */
  readonly sees?: readonly string[];
};

/** The newest microversion that both have. */
export const newest = '1.109';

type Options = Omit<Row, 'name' | 'ask'> & Pick<Ask, 'version' | 'headers'>;

function rowOf(name: string, ask: Ask, { version, headers, ...row }: Options): Row {
  return { name, ask: { ...ask, ...(version !== undefined && { version }), ...(headers && { headers }) }, ...row };
}

/** A new node of these fields beside fake hardware. */
export function create(name: string, fields: JsonObject, options: Options = {}): Row {
  const ask: Ask = { method: 'POST', path: '/nodes', body: { driver: 'fake-hardware', ...fields } };
  return rowOf(name, ask, { ...options, given: { node: null, ...options.given } });
}

/** A patch of the given node. */
export function patch(name: string, operations: unknown, options: Options = {}): Row {
  return rowOf(name, { method: 'PATCH', path: '/nodes/$NODE', body: operations }, options);
}

export function get(name: string, path: string, options: Options = {}): Row {
  return rowOf(name, { method: 'GET', path }, options);
}

export function put(name: string, path: string, body: unknown, options: Options = {}): Row {
  return rowOf(name, { method: 'PUT', path, body }, options);
}

export function post(name: string, path: string, body: unknown, options: Options = {}): Row {
  return rowOf(name, { method: 'POST', path, body }, options);
}

export function remove(name: string, path: string, options: Options = {}): Row {
  return rowOf(name, { method: 'DELETE', path }, options);
}
