/** The answer to a login that proved less than the rules of its user ask for. */
import { getDomain } from '#services/identity/domains.ts';
import type { ReceiptPayload } from '#services/identity/receipts.ts';
import { getUser } from '#services/identity/users.ts';
import type { ApiContext } from '../context.ts';

type Insufficient = { readonly receiptPayload: ReceiptPayload; readonly required: readonly string[][] };

export async function receiptBody(context: ApiContext, { receiptPayload, required }: Insufficient) {
  const { user_id, methods, issued_at, expires_at } = receiptPayload;
  const { id, name, domain_id } = await getUser(context, user_id);
  const domain = { id: domain_id, name: (await getDomain(context, domain_id)).name };
  return { receipt: { methods, user: { id, name, domain }, issued_at, expires_at }, required_auth_methods: required };
}
