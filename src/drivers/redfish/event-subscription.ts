/** Event subscriptions: created in the first form that the service accepts, checked, deleted. EventDestination. */
import { pathOf } from '#wire/redfish/links.ts';
import { type Json, RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { NodeFacts } from '../interfaces.ts';
import { rootPath, type SystemContext, type WithSystem } from './find-system.ts';
import { at, booleanAt, linkAt, textAt, textsAt } from './resource-fields.ts';

/** A URL that a BMC can POST events to. */
export type EventDestination = {
  readonly url: string;
  /** The certificate is self-signed by Ingot: no BMC can verify it. */
  readonly selfSigned: boolean;
};

export type Subscriber = { readonly withSystem: WithSystem; readonly node: NodeFacts; readonly signal: AbortSignal };

/** EventTypes that old services (before EventService 1.3) require in a subscription. */
const wantedTypes = ['StatusChange', 'ResourceUpdated', 'Alert', 'Other'];

/** Context that marks subscriptions of this node, also those of an earlier Ingot process. */
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

/** @returns its path; undefined if the service has no subscriptions. Throws `bmcError` if it rejects all forms. */
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

/** Whether it exists and is enabled: some services disable a subscription for good after a few failed POSTs. */
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

/** @returns whether it is gone; false: not reached or refused */
export async function unsubscribe({ withSystem, node }: Omit<Subscriber, 'signal'>, path: string, signal?: AbortSignal) {
  const callOptions = signal && { signal };
  const deletion = withSystem({ node, command: 'end subscription', ...(callOptions && { callOptions }) }, async ({ client }) => {
    await client.delete(path, callOptions).catch((error: unknown) => {
      if (!(error instanceof RedfishError && error.status === 404)) throw error;
    });
    return true;
  });
  return deletion.catch(() => false);
}

async function removeLeftovers({ client, node, callOptions }: SystemContext, subscriptions: string): Promise<void> {
  for (const entry of await client.members(subscriptions, callOptions)) {
    const path = linkAt(entry);
    if (path !== undefined && textAt(entry, 'Context') === markOf(node)) await client.delete(path, callOptions);
  }
}

type Form = Record<string, Json>;

/**
 * New services reject EventTypes; old ones require them (iLO 5) or send nothing without them. The service's own offer
 * shows best which applies. VerifyCertificate came with EventDestination 1.9; services reject unknown properties.
 */
function formsOf(service: Resource, node: NodeFacts, { url, selfSigned }: EventDestination): Form[] {
  const plain: Form = { Destination: url, Protocol: 'Redfish', Context: markOf(node) };
  const offered = textsAt(service, 'EventTypesForSubscription');
  const typed: Form = { ...plain, EventTypes: wantedTypes.filter((type) => offered?.includes(type) ?? true) };
  const isOld = offered !== undefined && ['RegistryPrefixes', 'ResourceTypes'].every((name) => at(service, name) === undefined);
  const forms = isOld ? [typed, plain] : [plain, typed];
  return selfSigned ? forms.flatMap((form) => [{ ...form, VerifyCertificate: false }, form]) : forms;
}

/** Only status 400 leads to the next form; the last error is the one thrown. */
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
