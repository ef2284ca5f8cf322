/**
 * Takes over a node with the system that runs on it, which others have deployed: nothing is sent to the machine but
 * questions. The node then has an instance of Ironic's API, which can be rebuilt and deleted.
 */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { fieldOf } from '#domain/interface-kinds.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Drivers, Interface, NodeFacts, Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { checkPowerPolicy } from '../power/power-policy.ts';
import { defineOperation, type OperationParts } from '../worker/define-operation.ts';
import { failureText } from '../worker/last-error.ts';
import { interfaceOf } from '../worker/task.ts';
import { outOfMaintenance } from './plain-verbs.ts';
import { PowerStateSchema } from './power.ts';
import { askBmc } from './verify.ts';

export const adopt = defineOperation({
  kind: 'adopt',
  request: Type.Object({}),
  context: Type.Object({ power_state: PowerStateSchema }),
  verbs: [
    {
      name: 'adopt',
      since: 17,
      from: ['manageable', 'adopt failed'],
      to: 'adopting',
      target: 'active',
      // Whatever becomes of the adoption, the disks hold a user's data.
      patch: { last_error: null, must_clean: true },
      request: () => ({}),
    },
    { name: 'manage', since: 4, from: ['adopt failed'], to: 'manageable', patch: { ...outOfMaintenance, last_error: null } },
  ],
  transitions: [
    { from: 'adopting', event: 'done', to: 'active' },
    { from: 'adopting', event: 'fail', to: 'adopt failed' },
  ],
  shownAs: { ironic: {}, nova: { action: () => 'adopt' } },
  steps: (_, parts) => [checkInterfaces(parts), checkImage(parts), askBmc],
  async ended(trx, { state, node_uuid, fault, context }, { states }) {
    const { power_state = null } = context;
    if (state === 'done') {
      await states.apply(trx, node_uuid, 'done', { power_state, failures: 0, last_error: null });
      return [];
    }
    const last_error = `Error while attempting to adopt node ${node_uuid}: ${failureText({ fault })}`;
    // What was last known of its power may be about another machine.
    await states.apply(trx, node_uuid, 'fail', { target_provision_state: 'active', power_state: null, last_error });
    return [];
  },
});

/** The operations that tell whose the data on the disks are. */
const tenancies = ['deploy', 'rebuild', 'delete', 'adopt'];

/**
 * Disks that were to be cleaned have the data of a former tenant, who is not the one that the node is adopted for. After an
 * adoption that failed, they have what is to be adopted.
 * @throws Fault `conflict`
 */
export async function refuseUncleaned(trx: Store, { uuid, name, must_clean }: Node): Promise<void> {
  if (!must_clean) return;
  const newest = { orderBy: 'created_at', descending: true, limit: 1 } as const;
  const [last] = await trx.operations.list({ node_uuid: uuid, kind: tenancies }, newest);
  if (last?.kind === 'adopt') return;
  const detail = `Node ${name ?? uuid} can not be adopted: its disks may hold a former tenant's data. Run 'provide' first, which cleans it.`;
  throw new Fault('conflict', { detail });
}

/** The boot interface is not needed: an instance that boots from its disk is left as it is. */
const neededKinds = ['power', 'management', 'deploy'] as const;
type Parts = Pick<OperationParts, 'store' | 'drivers'>;

const checkInterfaces = ({ drivers }: Parts): Step =>
  simpleStep({ name: 'check interfaces', title: 'Check the interfaces', deadlineSeconds: 60 }, async ({ node }) => {
    for (const kind of neededKinds) validate(drivers, kind, node);
    checkPowerPolicy(node);
  });

function validate(drivers: Drivers, kind: (typeof neededKinds)[number], node: Node & NodeFacts): void {
  interfaceOf<Interface>(drivers[kind], node[fieldOf(kind)]).validate(node);
}

const checkImage = ({ store }: Parts): Step =>
  simpleStep({ name: 'check image', title: 'Check the image', deadlineSeconds: 60 }, async ({ node: { instance_info } }) => {
    if (isNetworkBooted(instance_info))
      throw new Fault('unsupported', { what: 'Adopting a node whose instance boots from the network' });
    await refuseLostImage(store, instance_info['image_source']);
  });

const imageId = /^(?:glance:\/\/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** What is not the id of an image is only used by a rebuild, which checks it. */
async function refuseLostImage(store: Store, source: unknown): Promise<void> {
  const id = imageId.exec(String(source ?? ''))?.[1]?.toLowerCase();
  if (id === undefined) return;
  const image = await store.images.find({ id });
  if (image?.status !== 'active')
    throw new Fault('imageUnusable', { image: id, detail: image ? `it is ${image.status}` : 'there is no such image' });
}

/** `capabilities` come as an object, or as text. */
function isNetworkBooted({ capabilities }: JsonObject): boolean {
  const text = typeof capabilities === 'string' ? capabilities : JSON.stringify(capabilities ?? '');
  return /\bboot_option\W{1,6}netboot\b/.test(text);
}
