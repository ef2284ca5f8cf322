/** Which namespaces a request is about, and whether its rules allow it. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findNamespace } from '#services/image/metadefs/namespaces.ts';
import type { MetadefNamespace } from '#store/tables/metadefs.ts';
import type { ApiContext } from '../../context.ts';
import { allows, authorize } from '../policy.ts';

type Rule = Parameters<typeof authorize>[1];

/** Maximum body of a request with definitions. */
export const bodyLimit = 512 * 1024;

/** Longer ones than Glance's columns name nothing. */
const Name = Type.String({ maxLength: 255 });
export const namespaceParams = Type.Object({ namespace: Name });
export const itemParams = Type.Object({ namespace: Name, name: Name });

export type InNamespace = FastifyRequest<{ Params: { namespace: string } }>;

export const targetOfNamespace = ({ owner, visibility }: MetadefNamespace) => ({
  project_id: owner,
  tenant_id: owner,
  owner,
  visibility,
});

/** As Glance: one that the caller may not see is missing, not forbidden. @throws Fault `missing`, `forbidden` */
export async function namespaceOf(
  request: InNamespace,
  context: ApiContext,
  ...rules: readonly Rule[]
): Promise<MetadefNamespace> {
  const { namespace: name } = request.params;
  const namespace = await findNamespace(context, request.caller, name);
  const target = targetOfNamespace(namespace);
  if (!allows(request, 'get_metadef_namespace', target))
    throw new Fault('missing', { detail: `Metadata definition namespace=${name} was not found.` });
  for (const rule of rules) authorize(request, rule, target);
  return namespace;
}
