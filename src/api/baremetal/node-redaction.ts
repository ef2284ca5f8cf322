/** Fields of a node that its lessee does not see: they tell about the site. Texts are Ironic's. */
import type { FastifyRequest } from 'fastify';
import type { Redaction } from './node-fields.ts';
import { allows, type BaremetalRule, nodeTarget } from './policy.ts';

type Row = { readonly rule: BaremetalRule; readonly text: string };

const redactedTable: Readonly<Record<string, Row>> = {
  driver_info: {
    rule: 'baremetal:node:get:driver_info',
    text: JSON.stringify({ content: '** Redacted - requires baremetal:node:get:driver_info permission. **' }),
  },
  driver_internal_info: {
    rule: 'baremetal:node:get:driver_internal_info',
    text: JSON.stringify({ content: '** Redacted - Requires baremetal:node:get:driver_internal_info permission. **' }),
  },
  last_error: {
    rule: 'baremetal:node:get:last_error',
    text: JSON.stringify('** Value Redacted - Requires baremetal:node:get:last_error permission. **'),
  },
  reservation: {
    rule: 'baremetal:node:get:reservation',
    text: JSON.stringify('** Redacted - requires baremetal:node:get:reservation permission. **'),
  },
};

/** Undefined: the caller sees all fields of all nodes. */
export function redactionFor(request: FastifyRequest): Redaction | undefined {
  if (Object.values(redactedTable).every(({ rule }) => allows(request, rule, {}))) return undefined;
  return (field, { owner, lessee }) => {
    const redacted = Object.hasOwn(redactedTable, field) ? redactedTable[field] : undefined;
    if (!redacted) return undefined;
    const target = nodeTarget({ owner: owner as string | null, lessee: lessee as string | null });
    return allows(request, redacted.rule, target) ? undefined : redacted.text;
  };
}
