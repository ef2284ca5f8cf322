/**
 * What ramdisks ask of Ironic's API, without a token: refused as by an Ironic whose `[api]enable_ramdisk_endpoints` is false,
 * which is its advice for an API outside of the provisioning network. A machine proves itself to Ingot by the token of its
 * kernel line and its address on that network, of which this listener knows neither (decision 0018, 0040). The text is
 * logged by Ironic's agent.
 */
import { Fault } from '#domain/faults.ts';
import { route } from './policy.ts';
import { AnyQuery } from './strict-requests.ts';

const why =
  'Ramdisks use the provisioning network: Ingot gives them its address and a token as ipa-api-url on their kernel line.';
/** The body is not read for anything. */
const bodyLimit = 32 * 1024;
const rows = [
  { method: 'GET', path: '/lookup', since: 22, what: 'Find the node of a ramdisk' },
  { method: 'POST', path: '/heartbeat/:node', since: 22, what: 'Receive the heartbeat of a ramdisk' },
  { method: 'POST', path: '/continue_inspection', since: 84, what: 'Receive the inspection data of a ramdisk' },
] as const;

export const ramdiskEndpoints = rows.map(({ method, path, since, what }) =>
  route({
    ...{ method, path, since, bodyLimit, query: AnyQuery, summary: `${what}: always refused`, status: 403 },
    policy: { public: 'a ramdisk, which has no token; always refused' },
    handler: () => {
      throw new Fault('forbidden', {
        detail: `Access was denied to the following resource: /v1${path.replace('/:node', '')}. ${why}`,
      });
    },
  }),
);
