/** Ids of requests that Neutron wants to be UUIDs, before it looks for what they name. */

const uuid = /^(?:urn:uuid:)?\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i;

/** Neutron's reason; undefined: it is one. */
export function whyNoUuid(id: string): string | undefined {
  return uuid.test(id) ? undefined : `'${id}' is not a valid UUID`;
}
