/** The node values that the scheduler compares, sizes and resource class, in one form for code and database. */
import type { Json } from './json.ts';

/** Sizes are numbers or, from many clients, strings. null: not set; an invalid number counts as zero. */
export function sizeOf(value: Json | undefined): number | null {
  if (value === undefined || value === null || value === '') return null;
  const size = typeof value === 'string' || typeof value === 'number' ? Number(value) : 0;
  return Number.isFinite(size) ? size : 0;
}

/** Placement's spelling of a resource class: `baremetal.gold` → `CUSTOM_BAREMETAL_GOLD`. */
export function resourceName(resourceClass: string | null): string {
  const name = (resourceClass ?? '').toUpperCase().replace(/[^A-Z0-9]/g, '_');
  return name.startsWith('CUSTOM_') ? name : `CUSTOM_${name}`;
}
