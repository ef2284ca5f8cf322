/** PATCH of an image: JSON patch (RFC 6902) on one level, as Glance defines its media types. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Fault } from '#domain/faults.ts';
import type { Image } from '#store/tables/images.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { jsonParser } from '../http/json-body.ts';
import { ById, checkVisibility, getOwnImage } from './image-access.ts';
import { attributeTable, imageBody, isProperty } from './image-json.ts';
import { imageBodyBytes, refuseTooLarge, shorten } from './image-limits.ts';
import { NewImage, saveImage } from './images.ts';

const mediaTypes = ['application/openstack-images-v2.1-json-patch', 'application/openstack-images-v2.0-json-patch'];

const Operation = Type.Union([
  Type.Object({ op: Type.Union([Type.Literal('add'), Type.Literal('replace')]), path: Type.String(), value: Type.Unknown() }),
  Type.Object({ op: Type.Literal('remove'), path: Type.String() }),
]);
type Operation = Static<typeof Operation>;
/** Enough to remove and set each property, and every attribute. */
const mostOperations = 1024;
const ImagePatch = Type.Array(Operation, { maxItems: mostOperations });

/** Schema of the new values of attributes. */
const checkChanges = Compile(Type.Partial(Type.Omit(NewImage, ['id', 'os_hidden'])));

/** The image with the operations applied so far: changed in place, so that each costs only its own length. */
type Draft = {
  readonly image: Image;
  readonly request: FastifyRequest;
  readonly attributes: Partial<Image>;
  readonly properties: Map<string, string>;
};

export function registerImagePatch(app: ApiScope, context: ApiContext): void {
  app.addContentTypeParser<string>(mediaTypes, { parseAs: 'string' }, jsonParser(app));
  const schema = { params: ById, body: ImagePatch };
  const route = { bodyLimit: imageBodyBytes, onRequest: tellMediaTypes, preValidation: nameOperations, schema };
  app.patch('/images/:id', route, async (request) => {
    const image = await getOwnImage(context, request, request.params.id);
    return imageBody(await saveImage(context, image, changesOf(image, request.body, request)));
  });
}

/** RFC 5789, 2.2: a 415 response lists the accepted media types. */
async function tellMediaTypes(_: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header('accept-patch', mediaTypes.join(', '));
}

const operationNames = ['add', 'replace', 'remove'] as const;

/** The older media type names an operation by a member: `{"replace": "/name", "value": "a"}`. */
async function nameOperations(request: FastifyRequest): Promise<void> {
  if (Array.isArray(request.body)) request.body = request.body.map(namedOperation);
}

function namedOperation(operation: unknown): unknown {
  if (typeof operation !== 'object' || operation === null || 'op' in operation) return operation;
  const { value, ...named } = operation as Record<string, unknown>;
  const [[op, path] = [], ...more] = Object.entries(named);
  const isOne = more.length === 0 && operationNames.some((name) => name === op);
  return isOne ? { op, path, ...('value' in operation && { value }) } : operation;
}

/** Only the changed columns: a concurrent upload may be writing the others. */
function changesOf(image: Image, operations: readonly Operation[], request: FastifyRequest): Partial<Image> {
  const draft: Draft = { image, request, attributes: {}, properties: new Map(Object.entries(image.properties)) };
  let isPropertyChanged = false;
  for (const operation of operations) {
    const name = nameOf(operation.path);
    if (isProperty(name)) changeProperty(draft, name, operation);
    else changeAttribute(draft, name, operation);
    isPropertyChanged ||= isProperty(name);
  }
  const changes = { ...draft.attributes, ...(isPropertyChanged && { properties: Object.fromEntries(draft.properties) }) };
  refuseTooLarge(changes, image);
  return changes;
}

/** `/kernel_id` → `kernel_id`; RFC 6901 writes `~` as `~0` and `/` as `~1`. */
function nameOf(path: string): string {
  const [root, name, ...deeper] = path.split('/');
  if (root !== '' || !name || deeper.length > 0)
    throw new Fault('badRequest', { detail: `Invalid JSON pointer for this resource: '${shorten(path)}'.` });
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

function changeProperty({ properties }: Draft, name: string, operation: Operation): void {
  if (operation.op !== 'add' && !properties.has(name))
    throw new Fault('conflict', { detail: `Property ${shorten(name)} does not exist.` });
  if (operation.op === 'remove') properties.delete(name);
  else if (typeof operation.value === 'string') properties.set(name, operation.value);
  else throw invalid(name, 'must be text');
}

function changeAttribute({ image, request, attributes }: Draft, name: string, operation: Operation): void {
  checkMayChange(image, name, request);
  const value = operation.op === 'remove' ? emptied(name) : operation.value;
  const [error] = checkChanges.Errors({ [name]: value });
  if (error) throw invalid(name, error.message);
  if (name === 'visibility') checkVisibility(request.caller, String(value));
  Object.assign(attributes, { [name]: name === 'tags' ? [...new Set(value as string[])] : value });
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
  return new Fault('badRequest', { detail: `Invalid input for field/attribute ${shorten(name)}: it ${expected}.` });
}
