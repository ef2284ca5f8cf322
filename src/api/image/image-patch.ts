/** PATCH of an image: JSON patch (RFC 6902) on one level, as Glance defines its media types. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Fault } from '#domain/faults.ts';
import type { Image } from '#domain/records.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { checkVisibility, getOwnImage } from './image-access.ts';
import { attributeTable, imageBody, isProperty } from './image-json.ts';
import { ById, NewImage, saveImage } from './images.ts';

const mediaTypes = ['application/openstack-images-v2.1-json-patch', 'application/openstack-images-v2.0-json-patch'];

const Operation = Type.Union([
  Type.Object({ op: Type.Union([Type.Literal('add'), Type.Literal('replace')]), path: Type.String(), value: Type.Unknown() }),
  Type.Object({ op: Type.Literal('remove'), path: Type.String() }),
]);
type Operation = Static<typeof Operation>;

/** What an attribute's new value must be. */
const checkChanges = Compile(Type.Partial(Type.Omit(NewImage, ['id', 'os_hidden'])));

export function registerImagePatch(app: ApiScope, context: ApiContext): void {
  app.addContentTypeParser(mediaTypes, { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
  app.patch('/images/:id', { schema: { params: ById, body: Type.Array(Operation) } }, async (request) => {
    const image = await getOwnImage(context, request, request.params.id);
    const changed = request.body.reduce((former, operation) => apply(former, operation, request), image);
    return imageBody(await saveImage(context, image, differences(image, changed)));
  });
}

/** Only what the request changed: an upload may be writing the other columns meanwhile. */
function differences(before: Image, after: Image): Partial<Image> {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => value !== before[name as keyof Image]));
}

function apply(image: Image, operation: Operation, request: FastifyRequest): Image {
  const name = nameOf(operation.path);
  return isProperty(name) ? changeProperty(image, name, operation) : changeAttribute(image, name, { operation, request });
}

/** `/kernel_id` → `kernel_id`; RFC 6901 writes `~` as `~0` and `/` as `~1`. */
function nameOf(path: string): string {
  const [root, name, ...deeper] = path.split('/');
  if (root !== '' || !name || deeper.length > 0)
    throw new Fault('badRequest', { detail: `Invalid JSON pointer for this resource: '${path}'.` });
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

function changeProperty(image: Image, name: string, operation: Operation): Image {
  const { [name]: former, ...others } = image.properties;
  if (operation.op !== 'add' && former === undefined) throw new Fault('conflict', { detail: `Property ${name} does not exist.` });
  if (operation.op === 'remove') return { ...image, properties: others };
  if (typeof operation.value !== 'string') throw invalid(name, 'text');
  return { ...image, properties: { ...others, [name]: operation.value } };
}

function changeAttribute(
  image: Image,
  name: string,
  { operation, request }: { operation: Operation; request: FastifyRequest },
): Image {
  checkMayChange(image, name, request);
  const value = operation.op === 'remove' ? emptied(name) : operation.value;
  if (!checkChanges.Check({ [name]: value })) throw invalid(name, JSON.stringify(attributeTable[name]?.schema));
  if (name === 'visibility') checkVisibility(request.caller, String(value));
  return { ...image, [name]: value };
}

function checkMayChange(image: Image, name: string, request: FastifyRequest): void {
  const change = attributeTable[name]?.change;
  if (!change) throw new Fault('forbidden', { detail: `Attribute '${name}' is read-only.` });
  if (change === 'admin' && !request.caller.is_admin)
    throw new Fault('forbidden', { detail: `Only an administrator may change attribute '${name}'.` });
  if (change === 'owner while queued' && image.status !== 'queued')
    throw new Fault('forbidden', { detail: `Attribute ${name} can be replaced only while the image is queued.` });
}

function emptied(name: string): unknown {
  if (name === 'tags') return [];
  if (name === 'name' || name === 'disk_format' || name === 'container_format') return null;
  throw new Fault('forbidden', { detail: `Attribute '${name}' may not be removed.` });
}

function invalid(name: string, expected: string): Fault {
  return new Fault('badRequest', { detail: `Invalid input for field/attribute ${name}: it must be ${expected}.` });
}
