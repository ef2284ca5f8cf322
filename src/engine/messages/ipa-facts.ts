/** What Ironic's own agent is told, and what it tells of its machine. */
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Value } from 'typebox/value';
import { imageToken } from '#agent-protocol/image-token.ts';
import { Inventory } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import { configDriveMax, type IpaFacts, readInventory } from '#drivers/ipa/index.ts';
import { keepInventory } from '../operations/known-disks.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import { configDriveOf, loadNode } from '../worker/task.ts';
import { expectOwnMachine, type MessageParts } from './agent-binding.ts';
import { bindingOf, sessionToken } from './agent-tokens.ts';

/** Until it is built, or fetched again after a restart of Ingot. */
const configDriveMs = 60_000;
const compress = promisify(gzip);
/** As IPA accepts it: its partition has this size. */
const configDriveFileMax = 64 * 1024 * 1024;

/** @throws Fault `agentFailed`, or `wrongMachine` */
export async function takeInventory(parts: MessageParts, live: LiveOperation, report: unknown): Promise<void> {
  const { store, worker, record } = parts;
  const inventory = readInventory(report);
  if (!inventory) throw new Fault('agentFailed', { command: 'report its hardware', detail: 'its report cannot be understood' });
  await expectOwnMachine(parts, live, [inventory]);
  await keepInventory(store, live.operation.node_uuid, inventory);
  const { address = '' } = bindingOf(live) ?? {};
  const at = new Date().toISOString();
  await worker.saveContext(live, (context) => ({ ...context, agent: { first: at, last: at, address } }));
  record.agent(live.operation, {
    subject: 'hello',
    message: `Ironic's own agent reports from ${address}: ${inventory.disks.length} disks, ${inventory.nics.length} NICs`,
    data: { address },
  });
}

export async function factsFor(parts: MessageParts, live: LiveOperation): Promise<IpaFacts> {
  const { operation } = live;
  const { node, facts } = await loadNode(parts.store, operation.node_uuid);
  const { inventory } = node;
  if (!Value.Check(Inventory, inventory)) throw new Fault('internal', { detail: 'the inventory of the agent is missing' });
  return {
    node: facts,
    inventory,
    imageUrl: (path) => imageUrl(parts, live, path),
    configDrive: () => configDriveText(parts, live),
  };
}

/** Its token is good for this path only, as on the plain listener everyone may read it. */
function imageUrl({ boot: { addresses } }: MessageParts, live: LiveOperation, path: string): string {
  const binding = bindingOf(live);
  if (!binding) throw new Fault('unauthorized');
  const base = addresses.plain_images ? addresses.http_url : (addresses.agent?.url ?? addresses.http_url);
  return `${base}${path}/${imageToken(sessionToken(live, binding), path)}`;
}

async function configDriveText(parts: MessageParts, { operation }: LiveOperation): Promise<string | undefined> {
  const path = await configDriveOf(parts, operation, AbortSignal.timeout(configDriveMs));
  if (path === undefined) return undefined;
  const tooLarge = () =>
    new Fault('agentFailed', { command: 'write the config drive', detail: "it is larger than Ironic's agent can be sent" });
  if ((await stat(path)).size > configDriveFileMax) throw tooLarge();
  const text = (await compress(await readFile(path))).toString('base64');
  if (text.length > configDriveMax) throw tooLarge();
  return text;
}
