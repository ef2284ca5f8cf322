/** A flavor's extra specs: its requirements besides sizes. */
import { deployImageSpecs, whyNoDeployImage } from '#domain/deploy-images.ts';
import { Fault } from '#domain/faults.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { ComputeContext } from './context.ts';
import { checkExtraSpec, refuseMiscased } from './extra-spec-rules.ts';

type Specs = Record<string, string>;

/** Nova has no quota for them; lists show them with each flavor. */
const mostSpecs = 128;

type Addition = {
  readonly specs: Readonly<Record<string, string | number>> /** By Nova's validators. */;
  readonly isValidated: boolean;
};

/** @returns the added specs, as text */
export async function addExtraSpecs(
  context: Pick<ComputeContext, 'store'>,
  flavor: Flavor,
  { specs, isValidated }: Addition,
): Promise<Specs> {
  const added = Object.fromEntries(Object.entries(specs).map(([key, value]) => [key, String(value)]));
  for (const [key, text] of Object.entries(added)) {
    refuseMiscased(key);
    if (isValidated) checkExtraSpec(key, text);
  }
  await refuseForeignImages(context, added);
  const extra_specs = { ...flavor.extra_specs, ...added };
  if (Object.keys(extra_specs).length > Math.max(mostSpecs, Object.keys(flavor.extra_specs).length))
    throw new Fault('badRequest', { detail: `A flavor has at most ${mostSpecs} extra specs.` });
  await context.store.flavors.update({ id: flavor.id }, { extra_specs });
  return added;
}

/** Throws `notFound` for a key that the flavor does not have. */
export function extraSpecOf({ id, extra_specs }: Flavor, key: string): string {
  const value = Object.hasOwn(extra_specs, key) ? extra_specs[key] : undefined;
  if (value === undefined) throw new Fault('notFound', { what: `Extra spec ${key} of flavor`, id });
  return value;
}

export async function deleteExtraSpec({ store }: Pick<ComputeContext, 'store'>, flavor: Flavor, key: string): Promise<void> {
  extraSpecOf(flavor, key);
  const { [key]: _, ...extra_specs } = flavor.extra_specs;
  await store.flavors.update({ id: flavor.id }, { extra_specs });
}

/** Checked again on use: a named image may be force-deleted. */
async function refuseForeignImages({ store }: Pick<ComputeContext, 'store'>, specs: Specs): Promise<void> {
  for (const name of deployImageSpecs) {
    const id = specs[name];
    const why = id === undefined ? undefined : whyNoDeployImage(await store.images.find({ id }));
    if (why) throw new Fault('badRequest', { detail: `Extra spec '${name}' cannot be ${id}: ${why}.` });
  }
}
