/** `If-Match: revision_number=5` (neutron/api/api_common.py): a change of what the client has read, or none. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { networkFault } from '#services/network/errors.ts';

/** Other entity tags do not count, as in Neutron. @throws Fault `preconditionFailed`, `badRequest` */
export function refuseOtherRevision(
  { headers }: FastifyRequest,
  { revision_number }: { readonly revision_number: number },
): void {
  const expected = expectedRevision(String(headers['if-match'] ?? ''));
  if (expected === undefined || expected === revision_number) return;
  const detail = `Constrained to ${expected}, but current revision is ${revision_number}`;
  throw networkFault('RevisionNumberConstraintFailed', detail);
}

function expectedRevision(header: string): number | undefined {
  const tags = header.split(',').map((tag) => tag.trim().replaceAll('"', ''));
  const [tag, ...others] = tags.filter((each) => each.startsWith('revision_number='));
  if (tag === undefined) return undefined;
  if (others.length > 0) throw malformed('Multiple revision_number etags are not supported.');
  const number = tag.slice('revision_number='.length);
  if (/^\d{1,15}$/.test(number)) return Number(number);
  throw malformed('Revision number etag must be in the format of revision_number=<int>');
}

function malformed(text: string): Fault {
  return new Fault('badRequest', { detail: `Bad if-match request: ${text}.`, type: 'BadRequest' });
}
