/** `/os-keypairs`: SSH public keys of a user. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { isEqual } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { Keypair } from '#store/tables/keypairs.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { atLeast, type Microversion } from '../http/microversions.ts';
import { nextLinks } from '../http/pagination.ts';
import { fingerprintOf, generateSshKey } from './ssh-key.ts';
import { microsecondsTime } from './times.ts';

/** Per user: Nova's default for its quota `key_pairs`. */
export const mostKeypairs = 100;

const NewKeypair = Type.Object({
  keypair: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! *$)[a-zA-Z0-9 @._-]+$' }),
    public_key: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 65535 }), Type.Null()])),
    type: Type.Optional(Type.String({ maxLength: 255 })),
    user_id: Type.Optional(Type.String({ maxLength: 255 })),
  }),
});
const UserQuery = Type.Object({
  user_id: Type.Optional(Type.String({ maxLength: 255 })),
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String({ maxLength: 255 })),
});
const NameParams = Type.Object({ name: Type.String({ maxLength: 255 }) });

export function registerKeypairs(app: ApiScope, context: ApiContext): void {
  const { keypairs } = context.store;

  app.get('/os-keypairs', { schema: { querystring: UserQuery } }, async (request) => {
    const visible = [isEqual('user_id', userOf(request, request.query.user_id))];
    const { limit, marker } = request.query;
    const page = await listRows({ collection: keypairs, table: listTables.keypairs, visible }, { where: [], limit, marker });
    const links = nextLinks(context, request, page.next);
    const items = page.items.map((keypair) => ({ keypair: briefJson(keypair, request.microversion) }));
    return { keypairs: items, ...(links.length > 0 && { keypairs_links: links }) };
  });

  app.post('/os-keypairs', { schema: { body: NewKeypair } }, async (request, reply) => {
    const { keypair, private_key } = await createKeypair(context, request, request.body.keypair);
    reply.code(atLeast(request.microversion, 2) ? 201 : 200);
    const shown = { ...briefJson(keypair, request.microversion), user_id: keypair.user_id };
    return { keypair: { ...shown, ...(private_key && { private_key }) } };
  });

  app.get('/os-keypairs/:name', { schema: { params: NameParams, querystring: UserQuery } }, async (request) => {
    const { name } = request.params;
    const keypair = await keypairs.find({ name, user_id: userOf(request, request.query.user_id) });
    if (!keypair) throw keypairNotFound(name);
    const times = { created_at: microsecondsTime(keypair.created_at), updated_at: null, deleted: false, deleted_at: null };
    return { keypair: { ...briefJson(keypair, request.microversion), user_id: keypair.user_id, ...times } };
  });

  app.delete('/os-keypairs/:name', { schema: { params: NameParams, querystring: UserQuery } }, async (request, reply) => {
    const { name } = request.params;
    if ((await keypairs.remove({ name, user_id: userOf(request, request.query.user_id) })) === 0) throw keypairNotFound(name);
    reply.code(atLeast(request.microversion, 2) ? 204 : 202).send();
  });
}

type KeypairRequest = { name: string; public_key?: string | null; type?: string; user_id?: string };

async function createKeypair(
  { store }: ApiContext,
  request: FastifyRequest,
  body: KeypairRequest,
): Promise<{ keypair: Keypair; private_key: string | undefined }> {
  const user_id = userOf(request, body.user_id);
  if ((body.type ?? 'ssh') !== 'ssh')
    throw new Fault('badRequest', { detail: `Keypairs of type ${body.type} are not supported, only ssh.` });
  if (await store.keypairs.find({ name: body.name, user_id }))
    throw new Fault('conflict', { detail: `Key pair '${body.name}' already exists.` });
  const generated = body.public_key ? undefined : generateSshKey('Generated-by-Ingot');
  const public_key = body.public_key ?? generated?.publicKey ?? '';
  const fingerprint = fingerprintOf(public_key);
  const created_at = new Date().toISOString();
  const record: Keypair = { name: body.name, user_id, type: 'ssh', public_key, fingerprint, created_at };
  const keypair = await store.transaction(async (trx) => {
    await refuseMany(trx, user_id);
    return trx.keypairs.insert(record);
  });
  return { keypair, private_key: generated?.privateKey };
}

async function refuseMany({ keypairs }: Store, user_id: string): Promise<void> {
  if ((await keypairs.pick(['name'], { user_id })).length < mostKeypairs) return;
  throw new Fault('forbidden', { detail: 'Quota exceeded, too many key pairs.' });
}

/** Administrators may act for other users (microversion 2.10). */
function userOf(request: FastifyRequest, asked: string | undefined): string {
  if (asked === undefined || asked === request.caller.user_id) return request.caller.user_id;
  requireAdmin(request, 'os_compute_api:os-keypairs for another user');
  return asked;
}

function briefJson({ name, public_key, fingerprint, type }: Keypair, version: Microversion) {
  return { name, public_key, fingerprint, ...(atLeast(version, 2) && { type }) };
}

function keypairNotFound(name: string): Fault {
  return new Fault('notFound', { what: 'Keypair', id: name });
}
