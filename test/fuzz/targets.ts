/** All targets, and the resources for running them. */
import { apiQueryTarget } from './api-queries.ts';
import { bootFileTarget } from './boot-files.ts';
import { bootImageTarget } from './boot-images.ts';
import { documentedRequestTarget } from './documented-requests.ts';
import { eventPostTarget } from './event-posts.ts';
import { httpTargets } from './http-bodies.ts';
import { imageReferenceTarget } from './image-references.ts';
import { imageTableTarget } from './image-tables.ts';
import { ipaTargets } from './ipa-messages.ts';
import { ipmiByteTargets } from './ipmi-bytes.ts';
import { ipmiConversationTargets } from './ipmi-conversations.ts';
import { ipmiKnowledgeTarget } from './ipmi-knowledge.ts';
import { ipmiOpeningTargets } from './ipmi-openings.ts';
import { jsonPatchTarget } from './json-patches.ts';
import { largestBodiesTarget } from './largest-bodies.ts';
import { machineFactTargets } from './machine-facts.ts';
import { redfishByteTargets } from './redfish-bytes.ts';
import { redfishDriverTarget } from './redfish-drivers.ts';
import { redfishHttpTarget } from './redfish-http.ts';
import { requestTextTargets } from './request-texts.ts';
import { snmpTargets } from './snmp-conversations.ts';
import { streamTargets } from './stream-peers.ts';
import type { Target } from './target.ts';
import { textTargets } from './text-readers.ts';
import { tokenTextTarget } from './token-texts.ts';

export { openFullApi } from './api-requests.ts';
export { dice, seedOf } from './dice.ts';
export { heldBy, type LargeBody, largestBodies, send } from './largest-bodies.ts';
export type { Fixture, Target } from './target.ts';

export const fuzzTargets: readonly Target[] = [
  ...ipmiByteTargets,
  ...ipmiConversationTargets,
  ...ipmiOpeningTargets,
  ipmiKnowledgeTarget,
  ...redfishByteTargets,
  redfishDriverTarget,
  ...snmpTargets,
  ...streamTargets,
  redfishHttpTarget,
  ...textTargets,
  ...requestTextTargets,
  ...machineFactTargets,
  ...ipaTargets,
  jsonPatchTarget,
  ...httpTargets,
  apiQueryTarget,
  documentedRequestTarget,
  largestBodiesTarget,
  eventPostTarget,
  bootFileTarget,
  tokenTextTarget,
  imageReferenceTarget,
  bootImageTarget,
  imageTableTarget,
];
