/** Deploy templates: deploy steps for instances that require a trait. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { isUuidLike } from '#domain/uuids.ts';
import { type UniqueViolation, whereUnique } from '#store/collection.ts';
import type { ListPage } from '#store/list.ts';
import type { DeployTemplate } from '#store/tables/deploy-templates.ts';
import type { BaremetalContext } from './context.ts';
import type { JsonPatch } from './json-patch.ts';
import { newUuid, uuidOf } from './kept-uuid.ts';
import { findMarked } from './lookup.ts';
import { refuseImpossibleIdent } from './node-names.ts';
import { Trait } from './node-traits.ts';
import { type ListRequest, listRecords } from './record-lists.ts';
import { Bag, patchedFields, Uuid } from './record-patch.ts';
import { DeploySteps, deployStepsOf } from './recorded-steps.ts';
import { refuseReading } from './refuse-reading.ts';
import { declaredSecrets } from './secrets.ts';

type StoreContext = Pick<BaremetalContext, 'store'>;
type SecretsContext = Pick<BaremetalContext, 'store' | 'drivers'>;

const fields = { extra: Bag, name: Trait, steps: DeploySteps };
const Patched = Type.Object(fields);
export const DeployTemplateRequest = Type.Object({ ...fields, uuid: Uuid }, { additionalProperties: false });

/** By UUID or name. Throws `notFound`, and `badRequest` if it can be neither. */
export async function findDeployTemplate({ store }: StoreContext, ident: string): Promise<DeployTemplate> {
  refuseImpossibleIdent('deploy template', ident);
  const template = await store.deploy_templates.find(
    isUuidLike(ident) ? { uuid: uuidOf('deploy template', ident) } : { name: ident },
  );
  if (!template) throw new Fault('notFound', { what: 'Deploy template', id: ident });
  return template;
}

const sortable = ['uuid', 'name', 'created_at', 'updated_at'] as const;

export function listDeployTemplates({ store }: StoreContext, request: ListRequest): Promise<ListPage<DeployTemplate>> {
  const collection = store.deploy_templates;
  const find = (marker: string) => findMarked(marker, 'Deploy template', (uuid) => collection.find({ uuid }));
  return listRecords({ collection, sortable, find }, request);
}

export function createDeployTemplate(
  { store, drivers }: SecretsContext,
  { uuid, name, steps, extra }: Static<typeof DeployTemplateRequest>,
): Promise<DeployTemplate> {
  const template: DeployTemplate = {
    uuid: newUuid(uuid),
    name,
    steps: deployStepsOf(steps, { declared: declaredSecrets(drivers) }),
    extra: (extra ?? {}) as JsonObject,
    created_at: new Date().toISOString(),
    updated_at: null,
  };
  return whereUnique(store.deploy_templates.insert(template), (violation) => alreadyExists(violation, template));
}

const masked = ['steps'];

export function patchDeployTemplate(context: SecretsContext, ident: string, patch: JsonPatch): Promise<DeployTemplate> {
  return context.store.transaction(async (store) => {
    refuseReading(patch, masked);
    const before = await findDeployTemplate({ store }, ident);
    const { name, steps, extra } = patchedFields(Patched, before, patch, masked);
    const fields = {
      name,
      steps: deployStepsOf(steps, { before: before.steps, declared: declaredSecrets(context.drivers) }),
      extra: (extra ?? {}) as JsonObject,
    };
    const changed = { ...before, ...fields, updated_at: new Date().toISOString() };
    const writing = store.deploy_templates.update({ uuid: before.uuid }, changed);
    await whereUnique(writing, (violation) => alreadyExists(violation, changed));
    return changed;
  });
}

export async function deleteDeployTemplate(context: StoreContext, ident: string): Promise<void> {
  const { uuid } = await findDeployTemplate(context, ident);
  const removed = await context.store.deploy_templates.remove({ uuid });
  if (removed === 0) throw new Fault('notFound', { what: 'Deploy template', id: ident });
}

function alreadyExists(violation: UniqueViolation, { uuid, name }: DeployTemplate): Fault {
  const same = violation.columns.includes('name') ? `name ${name}` : `UUID ${uuid}`;
  return new Fault('conflict', { detail: `A deploy template with ${same} already exists.` }, violation);
}
