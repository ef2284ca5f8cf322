/** Our subscription at a service: made in the first form that it takes, looked after, removed. DSP0268, EventDestination. */
import { pathOf } from '#wire/redfish/links.ts';
import { type Json, RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { NodeFacts } from '../interfaces.ts';
import { rootPath, type SystemContext, type WithSystem } from './find-system.ts';
import { at, booleanAt, linkAt, textAt, textsAt } from './resource-fields.ts';

/** An address that a BMC may post to. */
export type EventDestination = {
  readonly url: string;
  /** Its certificate is one that we made: no BMC can check it. */
  readonly selfSigned: boolean;
};

export type Subscriber = { readonly withSystem: WithSystem; readonly node: NodeFacts; readonly signal: AbortSignal };

/** Types of events that old services (before EventService 1.3) want named in a subscription. */
const wantedTypes = ['StatusChange', 'ResourceUpdated', 'Alert', 'Other'];

/** Ours for this node, whichever process of ours made it. */
export function markOf({ uuid }: Pick<NodeFacts, 'uuid'>): string {
  return `${markPrefix}${uuid}`;
}
export const markPrefix = 'ingot ';

export async function readEventService({ client, callOptions }: SystemContext): Promise<Resource | undefined> {
  const path = linkAt((await client.get(rootPath, callOptions)).body, 'EventService');
  if (path === undefined) return undefined;
  const { body } = await client.get(path, callOptions);
  return booleanAt(body, 'ServiceEnabled') === false ? undefined : body;
}

/** @returns its path; undefined where the service offers none. Throws `bmcError` where it refuses all forms. */
export function subscribe(
  { withSystem, node, signal }: Subscriber,
  destinations: readonly EventDestination[],
): Promise<string | undefined> {
  return withSystem({ node, command: 'subscribe to events', callOptions: { signal } }, async (at) => {
    const service = await readEventService(at);
    const subscriptions = linkAt(service, 'Subscriptions');
    if (service === undefined || subscriptions === undefined) return undefined;
    await removeLeftovers(at, subscriptions);
    return post(
      at,
      subscriptions,
      destinations.flatMap((destination) => formsOf(service, at.node, destination)),
    );
  });
}

/** Whether it is there, and the service still sends: some switch it off after a few posts that failed, for ever. */
export function isAlive({ withSystem, node, signal }: Subscriber, path: string): Promise<boolean> {
  return withSystem({ node, command: 'look after subscription', callOptions: { signal } }, async ({ client, callOptions }) => {
    try {
      return textAt((await client.get(path, callOptions)).body, 'Status', 'State') !== 'Disabled';
    } catch (error) {
      if (error instanceof RedfishError && error.status === 404) return false;
      throw error;
    }
  });
}

/** Without the signal of the watch, which has ended; the client bounds it. */
export async function unsubscribe({ withSystem, node }: Subscriber, path: string): Promise<void> {
  await withSystem({ node, command: 'end subscription' }, ({ client }) => client.delete(path)).catch(() => undefined);
}

async function removeLeftovers({ client, node, callOptions }: SystemContext, subscriptions: string): Promise<void> {
  for (const entry of await client.members(subscriptions, callOptions)) {
    const path = linkAt(entry);
    if (path !== undefined && textAt(entry, 'Context') === markOf(node)) await client.delete(path, callOptions);
  }
}

type Form = Record<string, Json>;

/**
 * New services refuse EventTypes, which old ones require (iLO 5) or without which they send nothing; which of them it is
 * its own offer tells best. VerifyCertificate came with EventDestination 1.9, and services refuse what they do not know.
 */
function formsOf(service: Resource, node: NodeFacts, { url, selfSigned }: EventDestination): Form[] {
  const plain: Form = { Destination: url, Protocol: 'Redfish', Context: markOf(node) };
  const offered = textsAt(service, 'EventTypesForSubscription');
  const typed: Form = { ...plain, EventTypes: wantedTypes.filter((type) => offered?.includes(type) ?? true) };
  const isOld = offered !== undefined && ['RegistryPrefixes', 'ResourceTypes'].every((name) => at(service, name) === undefined);
  const forms = isOld ? [typed, plain] : [plain, typed];
  return selfSigned ? forms.flatMap((form) => [{ ...form, VerifyCertificate: false }, form]) : forms;
}

/** Only what says "not so" (400) lets the next form be tried; the last refusal is the one that counts. */
async function post(
  { client, callOptions }: SystemContext,
  subscriptions: string,
  forms: readonly Form[],
): Promise<string | undefined> {
  for (const [index, form] of forms.entries()) {
    try {
      const reply = await client.post(subscriptions, form, callOptions);
      return pathOf(reply.headers['location']) ?? pathOf(reply.body['@odata.id']);
    } catch (error) {
      const isRefusal = error instanceof RedfishError && error.status === 400;
      if (!isRefusal || index === forms.length - 1) throw error;
    }
  }
  return undefined;
}
