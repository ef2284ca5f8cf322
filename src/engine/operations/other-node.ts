/**
 * A server whose deployment failed for a reason of its machine is tried on another node, as Nova's `scheduler.max_attempts`
 * has it: in the transaction that ends the failed deployment, so that a crash leaves the one or the other.
 */
import type { Static } from 'typebox';
import { type FaultCode, type FaultRecord, faultTable } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server, ServerTry } from '#store/tables/servers.ts';
import { describeReasons } from '../scheduler/choose-node.ts';
import type { BaseContext, BaseRequest, OperationWith } from '../worker/base-context.ts';
import type { EndParts } from '../worker/define-operation.ts';
import { chooseNodeFor, claimNode } from './claim-node.ts';
import type { DeployRequest } from './deployment.ts';
import { mayStillRun } from './machine-steps.ts';

/** Faults of others than the caller that would occur on any node as well. */
const everywhere: ReadonlySet<FaultCode> = new Set([
  ...(['checksumMismatch', 'preparedImageDamaged', 'imageUnusable', 'imageNotBootable', 'agentOutdated'] as const),
  'imageDownloadFailed',
  ...(['limitReached', 'notConfined', 'noSpace', 'diskReserve', 'stateFolder', 'databaseUnavailable', 'internal'] as const),
]);

/** Whether a deployment failed because of its machine, which counts against the node. */
export function isNodesFault(fault: FaultRecord | null): boolean {
  if (!fault || !Object.hasOwn(faultTable, fault.code) || everywhere.has(fault.code)) return false;
  return faultTable[fault.code].by !== 'caller' || fault.code === 'interrupted';
}

type Ended = OperationWith<BaseRequest & Static<typeof DeployRequest>, BaseContext>;

/** What was tried so far, this deployment included. */
export type Tries = { readonly tries: ServerTry[] /** Why there is no further one. */; readonly why?: string };

/**
 * Begins the deployment on another node, if there may be one and one fits.
 * @returns the deployment, or what the fault of the server says
 */
export async function tryOtherNode(
  trx: Store,
  operation: Ended,
  { server, parts }: { server: Server; parts: EndParts },
): Promise<{ next: Operation } | Tries> {
  const tries = await triesOf(trx, server);
  const most = parts.settings['scheduler.max_attempts'];
  if (most <= 1 || !operation.request.any_node || !isNodesFault(operation.fault)) return { tries };
  if (tries.length >= most)
    return { tries, why: `${tries.length} nodes were tried, which is the most (scheduler.max_attempts).` };
  if (mayStillRun(operation)) return { tries, why: 'The machine could not be powered off and may still run with its addresses.' };
  const image = await trx.images.find({ id: operation.request.image_id ?? '' });
  if (!image) return { tries };
  const choice = await chooseNodeFor(trx, parts, { server, image, except: tries.map(({ node }) => node.uuid) });
  const node = 'uuid' in choice ? await trx.nodes.find({ uuid: choice.uuid }) : undefined;
  if (!node) return { tries, why: describeReasons('reasons' in choice ? choice.reasons : {}) };
  const { images, by_admin } = operation.request;
  const request = { any_node: true, ...(images && { images }), ...(by_admin !== undefined && { by_admin }) };
  const about = ` (try ${tries.length + 1} of ${most})`;
  const next = await claimNode(trx, parts, { server, node, image, about, request });
  const at = new Date().toISOString();
  await trx.servers.update({ id: server.id }, { ...spawning, node_uuid: node.uuid, updated_at: at });
  return { next };
}

/** The console's text is that of the machine that the server has lost. */
const spawning = { vm_state: 'building', task_state: 'spawning', fault: null, console_log: null } as const;

/** The failed deployments of a server: their rows are kept as long as the server is there. */
async function triesOf(trx: Store, { id }: Server): Promise<ServerTry[]> {
  const failed = await trx.operations.list({ server_id: id, kind: 'deploy', state: 'failed' }, { orderBy: 'created_at' });
  const uuids = [...new Set(failed.map(({ node_uuid }) => node_uuid))];
  const names = new Map((await trx.nodes.pick(['uuid', 'name'], { uuid: uuids })).map(({ uuid, name }) => [uuid, name]));
  return failed.flatMap(({ node_uuid: uuid, fault, ended_at }) =>
    fault ? [{ ...fault, at: ended_at ?? '', node: { uuid, name: names.get(uuid) ?? null } }] : [],
  );
}
