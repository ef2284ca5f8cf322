/** Logins: the proof of an identity, what the rules of the user ask for, and the scope of the new token. */
import { Fault } from '#domain/faults.ts';
import type { IdentityContext } from './context.ts';
import { isDomainEnabled } from './domains.ts';
import { isEnough, rulesOf } from './factor-rules.ts';
import { isProviderEnabled } from './federation/providers.ts';
import type { LoginClient } from './login-guard.ts';
import { chooseScope, type RequestedScope } from './login-scope.ts';
import { isActive } from './password-rules.ts';
import { type Identity, type Proof, prove } from './proofs.ts';
import type { ReceiptPayload } from './receipts.ts';
import { hasRole } from './roles-in.ts';
import { systemScope } from './scopes.ts';
import type { TokenPayload } from './tokens.ts';
import { spendUse } from './trust-scope.ts';

/** `receipt`: of an earlier login that was not enough. */
export type Login = { readonly identity: Identity; readonly scope?: RequestedScope; readonly receipt?: string | undefined };

type Issued = { readonly token: string; readonly payload: TokenPayload };
/** What the user's rules ask for, and a receipt for what has been proved. */
type Insufficient = { readonly receipt: string; readonly receiptPayload: ReceiptPayload; readonly required: string[][] };

/** Issues a token. @throws Fault `unauthorized`, without saying what was wrong; `tooManyRequests` */
export async function authenticate(
  context: IdentityContext,
  client: LoginClient,
  { identity, scope, receipt }: Login,
): Promise<Issued | Insufficient> {
  const proof = withReceipt(context, await prove(context, client, identity), receipt);
  const { user, methods } = proof;
  if (isEnough(user.options, methods)) return issueFor(context, proof, scope);
  if (!(await isUsable(context, proof))) throw new Fault('unauthorized');
  const proved = { user_id: user.id, user_revision: user.token_revision, methods };
  const { receipt: next, payload: receiptPayload } = context.receipts.issue(proved);
  return { receipt: next, receiptPayload, required: rulesOf(user.options) };
}

/** With the methods of the receipt, which must be of the same user. */
function withReceipt(context: IdentityContext, proof: Proof, receipt: string | undefined): Proof {
  if (receipt === undefined) return proof;
  const former = context.receipts.read(receipt);
  const isOfUser = former?.user_id === proof.user.id && former.user_revision === proof.user.token_revision;
  if (!former || !isOfUser) throw new Fault('authenticationFailed', { detail: 'Could not find auth receipt.' });
  return { ...proof, methods: [...new Set([...former.methods, ...proof.methods])] };
}

/** For clients that name no scope: the system if the user has a role there, else the user's default project. */
export async function authenticateInWidestScope(context: IdentityContext, client: LoginClient, identity: Identity) {
  const proof = await prove(context, client, identity);
  // Such a client cannot show a second factor.
  if (!isEnough(proof.user.options, proof.methods)) throw new Fault('unauthorized');
  const isOfSystem = !proof.credential && (await hasRole(context.store, proof.user.id, systemScope));
  return issueFor(context, proof, isOfSystem ? { system: { all: true } } : undefined);
}

async function isUsable(context: IdentityContext, { user }: Proof): Promise<boolean> {
  if (!(await isProviderEnabled(context.store, user))) return false;
  await context.directory?.refuseOutdated(user);
  return user.enabled && isActive(context.settings, user) && (await isDomainEnabled(context, user));
}

export async function issueFor(context: IdentityContext, proof: Proof, requested: RequestedScope | undefined): Promise<Issued> {
  if (!(await isUsable(context, proof))) throw new Fault('unauthorized');
  const scope = await chooseScope(context, proof, requested);
  const { user, methods, parent, credential, federation } = proof;
  // The user as read before the secret was checked: a revocation meanwhile also voids the new token.
  const claims = { user_id: user.id, user_revision: user.token_revision, methods, ...scope, ...(federation && { federation }) };
  const notAfter = scope.trust ? await spendUse(context, scope.trust.id) : (credential?.expires_at ?? proof.notAfter);
  return context.tokens.issue(
    { ...claims, ...(credential && { application_credential_id: credential.id }) },
    { parent, notAfter },
  );
}
