/** Tokens for requests that a user has signed with EC2 keys: services of EC2 and S3 ask for them. */
import { Fault } from '#domain/faults.ts';
import { issueFor } from './authenticate.ts';
import type { IdentityContext } from './context.ts';
import { idOfAccessKey, isEc2, readEc2Blob } from './credentials.ts';
import { checkSignedTime, type SignedRequest } from './ec2-signatures.ts';

type SignatureCheck = (request: SignedRequest, secret: string) => void;

/** @throws Fault `notFound` for an unknown key; `unauthorized`, `authenticationFailed` */
export async function authenticateSigned(context: IdentityContext, request: SignedRequest, checkSignature: SignatureCheck) {
  const credential = await context.store.credentials.find({ id: idOfAccessKey(request.access) });
  if (!credential || !isEc2(credential)) throw new Fault('notFound', { what: 'Resource', id: 'of this EC2 access key' });
  const { secret } = readEc2Blob(credential.blob);
  // Without a secret, anyone could sign.
  if (!secret) throw new Fault('unauthorized');
  checkSignature(request, secret);
  checkSignedTime(request);
  const user = await context.store.users.find({ id: credential.user_id });
  if (!user || credential.project_id === null) throw new Fault('unauthorized');
  return issueFor(context, { user, methods: ['ec2credential'] }, { project: { id: credential.project_id } });
}
