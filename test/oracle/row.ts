/** One request that is sent to the current Ironic and to Ingot, whose responses must be the same. */
import type { JsonObject } from '#domain/json.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * `$NODE` and `$PORT` in path or body are replaced by the UUIDs of the row's resources, `$OTHER` by its second node's.
 */
export type Ask = {
  readonly method: Method;
  /** Below `/v1`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent verbatim, in place of `body`. */
  readonly raw?: string;
  /** Microversion; null = none is requested. Default: `newest`. */
  readonly version?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * Resources that both services create before the request; a node is created unless it is null. All are removed later.
 */
export type Given = {
  readonly node?: JsonObject | null;
  readonly state?: 'enroll' | 'manageable' | 'available' | 'active';
  readonly maintenance?: boolean;
  readonly port?: JsonObject;
  readonly other?: JsonObject;
  /** Requests that must succeed. */
  readonly done?: readonly Ask[];
};

/** An intended difference: reason and extent. A difference that has disappeared fails the row, as a new one does. */
export type Difference = {
  readonly why: string;
  /** Their two statuses, Ironic's first; undefined = the same. */
  readonly status?: readonly [ironic: number, ingot: number];
  /** Paths in the response that differ, such as `body.extra.a`. */
  readonly at?: readonly string[];
};

export type Row = {
  readonly name: string;
  readonly given?: Given;
  readonly ask: Ask;
  /** A read afterwards, also compared. */
  readonly afterwards?: Ask;
  /** Only these paths of the responses are compared; default: all. */
  readonly sees?: readonly string[];
};

/** The newest microversion that both support. */
export const newest = '1.115';

export type Options = Omit<Row, 'name' | 'ask'> & Pick<Ask, 'version' | 'headers'>;

function rowOf(name: string, ask: Ask, { version, headers, ...row }: Options): Row {
  return { name, ask: { ...ask, ...(version !== undefined && { version }), ...(headers && { headers }) }, ...row };
}

/** A new node with these fields and fake hardware. */
export function create(name: string, fields: JsonObject, options: Options = {}): Row {
  const ask: Ask = { method: 'POST', path: '/nodes', body: { driver: 'fake-hardware', ...fields } };
  return rowOf(name, ask, { ...options, given: { node: null, ...options.given } });
}

/** A patch of the row's node. */
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
