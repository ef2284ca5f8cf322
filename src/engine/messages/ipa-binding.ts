/**
 * Lookup and heartbeat of Ironic's own agent (IPA). The lookup binds the operation to the agent, as the hello of Ingot's
 * agent does: it gets the agent token, once. Which of two agents with the same address has it, nobody could tell.
 */
import { type IpaHeartbeat, type IpaLookup, type IpaLookupReply, tokenGiven } from '#agent-protocol/ipa.ts';
import { Fault } from '#domain/faults.ts';
import { formatRequester, type Requester } from '#domain/requesters.ts';
import { nodeOf, readCallback, readCertificate } from '#drivers/ipa/index.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import { loadNode } from '../worker/task.ts';
import { endBySecond, type MessageParts, refuseOtherAddress } from './agent-binding.ts';
import { bindingOf, findByBootstrap, isSame, newBinding } from './agent-tokens.ts';

/** Of a request: the token in its path, and who sent it. */
export type IpaSender = { token: string; requester: Requester };

function findIpa({ worker }: MessageParts, token: string): LiveOperation {
  const live = findByBootstrap(worker, token);
  if (!live.operation.context.ipa) throw new Fault('unauthorized');
  return live;
}

export async function ipaLookup(parts: MessageParts, { token, requester }: IpaSender, query: IpaLookup): Promise<IpaLookupReply> {
  const live = findIpa(parts, token);
  const { facts } = await loadNode(parts.store, live.operation.node_uuid);
  const macs = (query.addresses ?? '').toLowerCase().split(',');
  const isNode = query.node_uuid === undefined || query.node_uuid === facts.uuid;
  if (!isNode || (query.addresses && !facts.ports.some(({ address }) => macs.includes(address))))
    throw new Fault('notFound', { what: 'Node of', id: 'this machine' });
  const agent_token = (await bind(parts, live, requester)) ?? tokenGiven;
  await parts.boot.spend(facts.uuid);
  live.agent.heard();
  return { node: nodeOf(facts) as IpaLookupReply['node'], config: { ...config(parts), agent_token } };
}

/** Silence is noticed after `deploy.silence_timeout`; IPA sends a heartbeat after 0.3 to 0.6 of what it is told. */
function config({ settings }: MessageParts): Omit<IpaLookupReply['config'], 'agent_token'> {
  return {
    heartbeat_timeout: settings['deploy.silence_timeout'],
    agent_token_required: true,
    agent_md5_checksum_enable: false,
    disable_deep_image_inspection: false,
    permitted_image_formats: ['raw'],
  };
}

/** @returns the agent token for the first agent; undefined: it was given before */
async function bind(parts: MessageParts, live: LiveOperation, requester: Requester): Promise<string | undefined> {
  let given: string | undefined;
  if (!bindingOf(live))
    await parts.worker.saveContext(live, (context) => {
      // Another lookup may have been written while this one was queued.
      if (context.agent_binding) return context;
      const agent_binding = newBinding(live.operation.id, requester, formatRequester(requester));
      given = agent_binding.session;
      return { ...context, agent_binding };
    });
  if (given !== undefined)
    parts.record.agent(live.operation, {
      subject: 'lookup',
      message: `Ironic's own agent asks for its node from ${formatRequester(requester)}`,
      data: { address: requester.address },
    });
  if (bindingOf(live)?.address !== requester.address) throw endBySecond(parts, live, requester);
  return given;
}

const statuses = ['start', 'end', 'error'];

/** @returns the operation, whose agent can be called now */
export async function ipaHeartbeat(
  parts: MessageParts,
  { token, requester }: IpaSender,
  { node_uuid, ...body }: IpaHeartbeat & { node_uuid: string },
): Promise<LiveOperation> {
  const live = findIpa(parts, token);
  const { operation } = live;
  if (operation.node_uuid !== node_uuid) throw new Fault('notFound', { what: 'Node', id: node_uuid.slice(0, 36) });
  checkToken(live, body);
  refuseOtherAddress(parts, live, requester);
  // IPA then tries again soon, as it does while a conductor of Ironic works on the node.
  if (operation.state !== 'running') throw new Fault('conflict', { detail: `The operation of node ${node_uuid} is ending.` });
  const peer = { url: readCallback(body.callback_url, requester.address), certificate: readCertificate(body.agent_verify_ca) };
  await keepPeer(parts, live, peer);
  live.agent.heard();
  reportStatus(parts, live, body);
  return live;
}

function checkToken(live: LiveOperation, { agent_token, agent_version, agent_status }: IpaHeartbeat): void {
  const refuse = (detail: string) => new Fault('badRequest', { detail });
  if (!agent_token) throw refuse('Agent token is required for heartbeat processing.');
  const { session } = bindingOf(live) ?? {};
  if (session === undefined || !isSame(agent_token, session)) throw refuse('Invalid or missing agent token received.');
  if (!agent_version && !agent_status)
    throw refuse('Agent did not transmit a version, and a version is required. Please update the agent being used.');
  if (agent_status && !statuses.includes(agent_status))
    throw refuse(`Agent status is invalid. Valid states are ${statuses.join(',')}.`);
}

type Peer = NonNullable<NonNullable<LiveOperation['operation']['context']['ipa']>['peer']>;

/** One boot has one address and one certificate: whatever differs is not the agent that got the token. */
async function keepPeer({ worker }: MessageParts, live: LiveOperation, peer: Peer): Promise<void> {
  const isChanged = (known: Peer) => known.url !== peer.url || known.certificate !== peer.certificate;
  const check = (known: Peer | undefined) => {
    if (known && isChanged(known))
      throw new Fault('badRequest', { detail: 'Detected change in ramdisk provided "callback_url" or "agent_verify_ca"' });
    return known;
  };
  if (check(live.operation.context.ipa?.peer)) return;
  await worker.saveContext(live, (context) => {
    check(context.ipa?.peer);
    return { ...context, ipa: { ...context.ipa, peer } };
  });
}

function reportStatus({ record }: MessageParts, live: LiveOperation, { agent_status, agent_status_message }: IpaHeartbeat): void {
  if (!agent_status) return;
  const message = `The agent reports the status ${agent_status}${agent_status_message ? `: ${agent_status_message}` : ''}`;
  record.agent(live.operation, { subject: 'agent status', message, data: {} });
}
