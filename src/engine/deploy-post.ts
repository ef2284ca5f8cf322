/** The classic POST to the deploy helper. */
import { type Asker, nameAsker } from '#domain/askers.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/records.ts';
import { endBySecond, type MessageParts, refuseStranger } from './agent-binding.ts';
import { bindingOf, isSame } from './agent-tokens.ts';
import type { LiveOperation } from './live-operations.ts';
import { now } from './step-deadlines.ts';

const required = ['i', 'k', 'a', 'n'] as const;

/**
 * The key is good for one node and one POST, and for that machine's own address: the same POST again (its answer was
 * lost) changes nothing, any other use of the key is refused.
 */
export async function takeDeployPost(parts: MessageParts, fields: Record<string, string>, asker: Asker): Promise<void> {
  const { worker, record } = parts;
  for (const name of required) {
    if (!fields[name]) throw new Fault('badRequest', { detail: `parameter '${name}' is not defined` });
  }
  const live = await findByKey(parts, fields);
  await refuseStranger(parts, live, { asker, deed: 'posted the deploy key of this deployment' });
  if (fields['a'] !== asker.address)
    throw new Fault('badRequest', { detail: `parameter 'a' is ${fields['a']} but the request came from ${asker.address}` });
  if ((bindingOf(live)?.address ?? asker.address) !== asker.address) throw endBySecond(parts, live, asker);
  const { k: _, ...post } = fields;
  const isRepeat = await remember(parts, live, post);
  await parts.boot.spend(live.operation.node_uuid);
  if (isRepeat) return;
  live.lastHeard = now();
  const message = post['e']
    ? `The deploy ramdisk reports an error: ${post['e']}`
    : `The deploy ramdisk offers its disk: ${post['n']} at ${nameAsker(asker)}`;
  record.agent(live.operation, { subject: 'deploy post', message, data: post });
  worker.wake(live.operation.id);
}

async function findByKey({ worker, store }: MessageParts, fields: Record<string, string>): Promise<LiveOperation> {
  const node = /^\d{1,9}$/.test(fields['i'] ?? '') ? await store.nodes.find({ id: Number(fields['i']) }) : undefined;
  const live = node && worker.live.ofNode(node.uuid);
  const key = live?.operation.context['deployment_key'];
  if (!live || typeof key !== 'string' || !isSame(fields['k'] ?? '', key))
    throw new Fault('badRequest', { detail: 'key is not match' });
  return live;
}

/** @returns whether it was known already */
async function remember({ worker }: MessageParts, live: LiveOperation, post: JsonObject): Promise<boolean> {
  let isRepeat = false;
  await worker.remember(live, (context) => {
    const messages = (context['messages'] ?? {}) as Record<string, JsonObject>;
    const before = messages['deploy-post'];
    isRepeat = before !== undefined;
    if (before && JSON.stringify(before) !== JSON.stringify(post)) throw new Fault('badRequest', { detail: 'key is not match' });
    return { ...context, messages: { ...messages, 'deploy-post': post } };
  });
  return isRepeat;
}
