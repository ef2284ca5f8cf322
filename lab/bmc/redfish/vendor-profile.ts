/** A resource in a vendor's form: some fields omitted, others added. */
import type { Json, Resource } from './messages.ts';
import type { RedfishShape } from './redfish-shape.ts';

/** A kind whose `omit` is `*` does not exist. */
export function isAbsent({ omit }: RedfishShape, kind: string): boolean {
  return omit[kind]?.includes('*') ?? false;
}

export function dressResource({ omit, extend }: RedfishShape, kind: string, resource: Resource): Resource {
  const lighter = (omit[kind] ?? []).reduce((rest, path) => without(rest, path.split('/')), resource);
  const extra = extend[kind];
  return extra ? merge(lighter, extra as Resource) : lighter;
}

function without(resource: Resource, [first = '', ...rest]: readonly string[]): Resource {
  const inner = resource[first];
  if (rest.length > 0) return isObject(inner) ? { ...resource, [first]: without(inner, rest) } : resource;
  const { [first]: _, ...others } = resource;
  return others;
}

/** RFC 7396: null removes, objects are merged, everything else replaces. */
function merge(target: Resource, patch: Resource): Resource {
  const merged = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    const former = merged[name];
    if (value === null) delete merged[name];
    else merged[name] = isObject(value) ? merge(isObject(former) ? former : {}, value) : value;
  }
  return merged;
}

function isObject(value: Json | undefined): value is Resource {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
