/** Changes of an image: a JSON patch (RFC 6902) on one level, as Glance defines it. */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Fault } from '#domain/faults.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../caller.ts';
import { attributeTable, isProperty, NewImage, refuseReserved } from './attributes.ts';
import type { ImageContext } from './context.ts';
import { saveImage } from './images.ts';
import { refuseTooLarge, shorten } from './limits.ts';
import type { PropertyProtections } from './property-protections.ts';

const Operation = Type.Union([
  Type.Object({ op: Type.Union([Type.Literal('add'), Type.Literal('replace')]), path: Type.String(), value: Type.Unknown() }),
  Type.Object({ op: Type.Literal('remove'), path: Type.String() }),
]);
type Operation = Static<typeof Operation>;
/** Enough to remove and set each property, and every attribute. */
const mostOperations = 1024;
export const ImagePatch = Type.Array(Operation, { maxItems: mostOperations });
export type ImagePatch = Static<typeof ImagePatch>;

/** Schema of the new values of attributes. */
const checkChanges = Compile(Type.Partial(Type.Omit(NewImage, ['id'])));

/** The image with the operations applied so far: changed in place, so that each costs only its own length. */
type Draft = {
  readonly image: Image;
  readonly caller: Caller;
  readonly protections: PropertyProtections;
  readonly attributes: Partial<Image>;
  readonly properties: Map<string, string>;
};

/** @throws Fault `badRequest`, `forbidden`, `conflict`, `tooLarge`, `notFound` */
export async function patchImage(
  context: ImageContext,
  caller: Caller,
  { image, operations }: { image: Image; operations: ImagePatch },
): Promise<Image> {
  return saveImage(context, image, changesOf({ image, caller, protections: context.protections }, operations));
}

/** The visibilities that a patch sets, which have rules of their own. */
export function visibilitiesIn(operations: ImagePatch): string[] {
  return operations.flatMap((operation) =>
    operation.op !== 'remove' && operation.path === '/visibility' ? [String(operation.value)] : [],
  );
}

/** Only the changed columns: a concurrent upload may be writing the others. */
function changesOf(of: Pick<Draft, 'image' | 'caller' | 'protections'>, operations: ImagePatch): Partial<Image> {
  const { image } = of;
  const draft: Draft = { ...of, attributes: {}, properties: new Map(Object.entries(image.properties)) };
  let isPropertyChanged = false;
  for (const operation of operations) {
    refuseLocations(operation);
    const name = nameOf(operation.path);
    if (isProperty(name)) changeProperty(draft, name, operation);
    else changeAttribute(draft, name, operation);
    isPropertyChanged ||= isProperty(name);
  }
  const changes = { ...draft.attributes, ...(isPropertyChanged && { properties: Object.fromEntries(draft.properties) }) };
  refuseTooLarge(changes, image);
  return changes;
}

/** As Glance with its default `show_multiple_locations = False`. */
function refuseLocations(operation: Operation): void {
  if (operation.path !== '/locations' && !operation.path.startsWith('/locations/')) return;
  const { op } = operation;
  const isEmpty = op === 'replace' && Array.isArray(operation.value) && operation.value.length === 0;
  const verb = op === 'replace' ? 'update' : op;
  const detail = `It's not allowed to ${verb} locations if locations are invisible.`;
  throw new Fault('forbidden', { detail: isEmpty ? 'Cannot set locations to empty list.' : detail });
}

/** `/kernel_id` → `kernel_id`; RFC 6901 writes `~` as `~0` and `/` as `~1`. */
function nameOf(path: string): string {
  const [root, name, ...deeper] = path.split('/');
  if (root !== '' || !name || deeper.length > 0 || /~(?![01])/.test(name))
    throw new Fault('badRequest', { detail: `Invalid JSON pointer for this resource: '${shorten(path)}'.` });
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

function changeProperty({ caller, protections, properties }: Draft, name: string, operation: Operation): void {
  refuseReserved(name);
  // One that the caller may not read does not exist for it.
  const isThere = properties.has(name) && protections.allows(caller, 'read', name);
  if (operation.op !== 'add' && !isThere) throw new Fault('conflict', { detail: `Property ${shorten(name)} does not exist.` });
  protections.authorize(caller, operation.op === 'remove' ? 'delete' : isThere ? 'update' : 'create', name);
  if (operation.op === 'remove') properties.delete(name);
  else if (typeof operation.value === 'string') properties.set(name, operation.value);
  else throw invalid(name, 'must be text');
}

function changeAttribute({ image, caller, attributes }: Draft, name: string, operation: Operation): void {
  if (operation.op === 'remove') throw new Fault('forbidden', { detail: `Property ${name} may not be removed.` });
  checkMayChange(image, name, caller);
  const { value } = operation;
  const [error] = checkChanges.Errors({ [name]: value });
  if (error) throw invalid(name, error.message);
  Object.assign(attributes, { [name]: name === 'tags' ? [...new Set(value as string[])] : value });
}

function checkMayChange(image: Image, name: string, caller: Caller): void {
  const change = attributeTable[name]?.change;
  if (!change) throw new Fault('forbidden', { detail: `Attribute '${name}' is read-only.` });
  if (change === 'admin' && !caller.is_admin) throw new Fault('forbidden', { detail: "Owner can't be updated by non admin." });
  if (change === 'owner while queued' && image.status !== 'queued')
    throw new Fault('forbidden', { detail: `Attribute ${name} can be replaced only while the image is queued.` });
}

function invalid(name: string, expected: string): Fault {
  return new Fault('badRequest', { detail: `Invalid input for field/attribute ${shorten(name)}: it ${expected}.` });
}
