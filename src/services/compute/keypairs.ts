/** Key pairs: SSH public keys of a user. */
import { Fault } from '#domain/faults.ts';
import { whereUnique } from '#store/collection.ts';
import { isEqual } from '#store/conditions.ts';
import { type ListPage, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Store } from '#store/store.ts';
import type { Keypair } from '#store/tables/keypairs.ts';
import type { ComputeContext } from './context.ts';
import { fingerprintOf, generateSshKey } from './ssh-key.ts';

type Keypairs = Pick<ComputeContext, 'store'>;

/** Per user: Nova's default for its quota `key_pairs`. */
export const mostKeypairs = 100;

export type NewKeypair = {
  readonly name: string;
  readonly user_id: string;
  /** Default: a new pair is generated. */
  readonly public_key?: string | null | undefined;
  readonly type?: string | undefined;
};

/** @returns also the private key of a generated pair, which is stored nowhere */
export async function createKeypair(
  { store }: Keypairs,
  { name, user_id, type = 'ssh', public_key: given }: NewKeypair,
): Promise<{ keypair: Keypair; private_key: string | undefined }> {
  if (type !== 'ssh') throw new Fault('badRequest', { detail: `Keypairs of type ${type} are not supported, only ssh.` });
  const exists = () => new Fault('conflict', { detail: `Key pair '${name}' already exists.` });
  if (await store.keypairs.find({ name, user_id })) throw exists();
  const generated = given ? undefined : generateSshKey('Generated-by-Ingot');
  const public_key = given || (generated?.publicKey ?? '');
  const fingerprint = fingerprintOf(public_key);
  const record: Keypair = { name, user_id, type: 'ssh', public_key, fingerprint, created_at: new Date().toISOString() };
  const keypair = await store.transaction(async (trx) => {
    await refuseMany(trx, user_id);
    return whereUnique(trx.keypairs.insert(record), exists);
  });
  return { keypair, private_key: generated?.privateKey };
}

async function refuseMany({ keypairs }: Store, user_id: string): Promise<void> {
  if ((await keypairs.pick(['name'], { user_id })).length < mostKeypairs) return;
  throw new Fault('forbidden', { detail: 'Quota exceeded, too many key pairs.' });
}

type KeypairList = { readonly limit?: number | undefined; readonly marker?: string | undefined };

/** By name. */
export function listKeypairs({ store }: Keypairs, user_id: string, { limit, marker }: KeypairList): Promise<ListPage<Keypair>> {
  const visible = [isEqual('user_id', user_id)];
  return listRows({ collection: store.keypairs, table: listTables.keypairs, visible }, { where: [], limit, marker });
}

type KeypairKey = Pick<Keypair, 'name' | 'user_id'>;

export async function findKeypair({ store }: Keypairs, { name, user_id }: KeypairKey): Promise<Keypair> {
  const keypair = await store.keypairs.find({ name, user_id });
  if (!keypair) throw new Fault('notFound', { what: 'Keypair', id: name });
  return keypair;
}

export async function deleteKeypair({ store }: Keypairs, { name, user_id }: KeypairKey): Promise<void> {
  if ((await store.keypairs.remove({ name, user_id })) === 0) throw new Fault('notFound', { what: 'Keypair', id: name });
}
