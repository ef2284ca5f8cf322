/** The classic POST to the deploy helper. */

import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { formatRequester, type Requester } from '#domain/requesters.ts';
import type { MachineRequest } from '../nodes/machine-record.ts';
import type { BaseContext } from '../worker/base-context.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import { endBySecond, expectOwnMachine, type MessageParts, refuseOtherRequester } from './agent-binding.ts';
import { bindingOf, isSame } from './agent-tokens.ts';

const required = ['i', 'k', 'a', 'n'] as const;

/**
 * The key is valid for one node, one POST and the machine's own address. A repeat of the same POST (lost response)
 * changes nothing; any other use of the key is rejected.
 */
export async function takeDeployPost(parts: MessageParts, fields: Record<string, string>, requester: Requester): Promise<void> {
  const { worker, record } = parts;
  for (const name of required) {
    if (!fields[name]) throw new Fault('badRequest', { detail: `parameter '${name}' is not defined` });
  }
  const live = await findByKey(parts, fields);
  await refuseOtherRequester(parts, live, { requester, deed: 'posted the deploy key of this deployment' });
  if (fields['a'] !== requester.address)
    throw new Fault('badRequest', { detail: `parameter 'a' is ${fields['a']} but the request came from ${requester.address}` });
  if ((bindingOf(live)?.address ?? requester.address) !== requester.address) throw endBySecond(parts, live, requester);
  await refuseOtherMachine(parts, live, fields);
  const { k: _, ...post } = fields;
  const isRepeat = await saveContext(parts, live, post);
  await parts.boot.spend(live.operation.node_uuid);
  if (isRepeat) return;
  live.agent.heard();
  const message = post['e']
    ? `The deploy ramdisk reports an error: ${post['e']}`
    : `The deploy ramdisk offers its disk: ${post['n']} at ${formatRequester(requester)}`;
  record.agent(live.operation, { subject: 'deploy post', message, data: post });
  worker.wake(live.operation.id);
}

/**
 * Checks what the ramdisk reports about its machine, or, for an old ramdisk that reports nothing, the UUID from
 * pxelinux.
 */
async function refuseOtherMachine(parts: MessageParts, live: LiveOperation, { u, s }: Record<string, string>): Promise<void> {
  const { operation } = live;
  const uuids = u || s ? [u ?? ''] : loaderUuids(operation);
  const reported = uuids.map((uuid) => ({ system: { uuid, serial: s ?? '' }, nics: [] }));
  await expectOwnMachine(parts, live, reported).catch((error: unknown) => {
    if (!(error instanceof Fault) || error.code !== 'wrongMachine') throw error;
    // The requester must not learn whose machine it is.
    throw new Fault('badRequest', { detail: 'the key is that of another machine' });
  });
}

const loaderUuidsMax = 8;

function loaderUuids({ context }: { context: BaseContext }): readonly string[] {
  return context.loader_uuids ?? [];
}

/**
 * pxelinux requests a configuration by its machine's UUID before the one by MAC. Anyone can send such a request, so it
 * is only kept for the POST, where one match is enough; it ends nothing by itself.
 */
export async function noteLoaderUuid({ worker, store }: MessageParts, { kind, mac, subject }: MachineRequest): Promise<void> {
  const uuid = kind === 'tftp' ? /^pxelinux\.cfg\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(subject)?.[1] : undefined;
  if (uuid === undefined || mac === undefined) return;
  const port = await store.node_ports.find({ address: mac.toLowerCase() });
  const live = port && worker.live.ofNode(port.node_uuid);
  if (!live || live.operation.context.deployment_key === undefined) return;
  if (loaderUuids(live.operation).includes(uuid)) return;
  await worker.saveContext(live, (context) => {
    const loader_uuids = [...new Set([...loaderUuids({ context }), uuid])].slice(-loaderUuidsMax);
    return { ...context, loader_uuids };
  });
}

async function findByKey({ worker, store }: MessageParts, fields: Record<string, string>): Promise<LiveOperation> {
  const node = /^\d{1,9}$/.test(fields['i'] ?? '') ? await store.nodes.find({ id: Number(fields['i']) }) : undefined;
  const live = node && worker.live.ofNode(node.uuid);
  const key = live?.operation.context.deployment_key;
  if (!live || key === undefined || !isSame(fields['k'] ?? '', key))
    throw new Fault('badRequest', { detail: 'key is not match' });
  return live;
}

/** @returns whether it was already known */
async function saveContext({ worker }: MessageParts, live: LiveOperation, post: JsonObject): Promise<boolean> {
  let isRepeat = false;
  await worker.saveContext(live, (context) => {
    const { messages = {} } = context;
    const before = messages['deploy-post'];
    isRepeat = before !== undefined;
    if (before && JSON.stringify(before) !== JSON.stringify(post)) throw new Fault('badRequest', { detail: 'key is not match' });
    return { ...context, messages: { ...messages, 'deploy-post': post } };
  });
  return isRepeat;
}
