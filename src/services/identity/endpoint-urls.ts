/** URLs of endpoints, which may name the project or user of a token: `http://host/v1/$(project_id)s`. */
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';

/** Keystone also knows settings of its own server here, which have no meaning for Ingot. */
const known = ['tenant_id', 'project_id', 'user_id'] as const;
type Known = (typeof known)[number];

const isKnown = (name: string | undefined): name is Known => known.includes(name as Known);

/** Each part that begins with a percent sign, as Python reads it. */
const parts = /%(?:\(([^)]*)\)s|%|)/g;

const normal = (url: string) => url.replaceAll('$(', '%(');

/** @throws Fault `badRequest` for anything that would not be a URL in each token */
export function refuseUrl(url: string): void {
  const isSound = [...normal(url).matchAll(parts)].every(([whole, name]) => whole === '%%' || isKnown(name));
  if (!isSound) throw new Fault('badRequest', { detail: `Cannot create an endpoint with an invalid URL: ${url}.` });
}

/** The URL for a token; undefined if it names what the token does not have. */
export function urlFor(url: string, { project_id, user_id }: Pick<Caller, 'project_id' | 'user_id'>): string | undefined {
  const values: Readonly<Record<Known, string>> = { tenant_id: project_id, project_id, user_id };
  let isWhole = true;
  const text = normal(url).replaceAll(parts, (whole, name: string | undefined) => {
    if (whole === '%%') return '%';
    const value = isKnown(name) ? values[name] : '';
    if (value === '') isWhole = false;
    return value;
  });
  return isWhole ? text : undefined;
}
