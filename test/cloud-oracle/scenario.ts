/**
 * The form of a scenario: requests that both clouds get one after another, whose replies must be the same.
 *
 * `{name}` in a path, header or text of a body is replaced by what this side has given under that name: by the `keeps` of an
 * earlier step, or at the start (`side.ts`): `adminToken`, `adminId`, `adminProject`, `adminRole`,
 * `memberRole`, `readerRole`. Where a side has given nothing, the
 * name goes out as `none-name`. In replies these values stand as their names again.
 */
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type ServiceName = 'identity' | 'image' | 'network';

export type Step = {
  /** Unique among the scenario's steps of that method; `<scenario>: <method> <step>` is the key of `differences.ts`. */
  readonly name: string;
  readonly method: Method;
  /** Below `/v3`, `/v2` and `/v2.0`; what begins with `//` is below the base URL of the service itself. */
  readonly path: string;
  /** Default: that of the scenario. */
  readonly service?: ServiceName;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent verbatim, in place of `body`. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Name of the token that it is sent with; null = none. */
  readonly as?: string | null;
  /** What later steps need of the reply, by name: its place, such as `body.user.id` or `headers.x-subject-token`. */
  readonly keeps?: Readonly<Record<string, string>>;
  /** Asked again until the place has this value on both sides; only this last reply is compared. */
  readonly until?: { readonly at: string; readonly is: unknown };
  /** Lists are compared in their order. Otherwise as sets. */
  readonly isOrdered?: boolean;
  /** Of the lists of the reply only what names something that steps have made: for lists of what a service has from the start. */
  readonly onlyNamed?: boolean;
};

export type Scenario = { readonly name: string; readonly service: ServiceName; readonly steps: readonly Step[] };

type More = Omit<Step, 'name' | 'method' | 'path' | 'body'>;

export const get = (name: string, path: string, more: More = {}): Step => ({ name, method: 'GET', path, ...more });
export const head = (name: string, path: string, more: More = {}): Step => ({ name, method: 'HEAD', path, ...more });
export const remove = (name: string, path: string, more: More = {}): Step => ({ name, method: 'DELETE', path, ...more });

export function post(name: string, path: string, body: unknown, more: More = {}): Step {
  return { name, method: 'POST', path, ...(body !== undefined && { body }), ...more };
}

export function put(name: string, path: string, body?: unknown, more: More = {}): Step {
  return { name, method: 'PUT', path, ...(body !== undefined && { body }), ...more };
}

export function patch(name: string, path: string, body: unknown, more: More = {}): Step {
  return { name, method: 'PATCH', path, body, ...more };
}

/** Steps of one name get their number, from the second on: `POST outside (2)`. */
export function numbered({ steps, ...scenario }: Scenario): Scenario {
  const counts = new Map<string, number>();
  const distinct = steps.map((step) => {
    const key = `${step.method} ${step.name}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count === 1 ? step : { ...step, name: `${step.name} (${count})` };
  });
  return { ...scenario, steps: distinct };
}
