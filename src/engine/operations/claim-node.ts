/** Chooses a node for a server and claims it, at the server's creation and after a failure on another node. */
import type { Store } from '#store/store.ts';
import type { Image } from '#store/tables/images.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { Server } from '#store/tables/servers.ts';
import type { RequestedNetwork } from '../contract.ts';
import { type ChoiceRequest, chooseNode } from '../scheduler/choose-node.ts';
import { readRequirements } from '../scheduler/choose-requirements.ts';
import { detachPorts } from '../servers/server-network.ts';
import type { BaseRequest } from '../worker/base-context.ts';
import { type EndParts, newOperation } from '../worker/define-operation.ts';
import { leased } from './automatic-lessee.ts';
import { deployStepsFor, findDeploySteps } from './deploy-steps.ts';
import { chooseDeployInterface, DeployRequest, deployRequest } from './deployment.ts';

type Site = Pick<EndParts, 'drivers' | 'settings'>;
type Wanted = { server: Server; image: Image } & Pick<ChoiceRequest, 'node' | 'except'>;

/** The best node for the server, or why there is none. In the transaction that claims it. */
export async function chooseNodeFor(
  trx: Store,
  { drivers, settings }: Site,
  { server, image, ...place }: Wanted,
): ReturnType<typeof chooseNode> {
  const wanted = await findDeploySteps(trx, { drivers, settings, traits: traitsOf(server, image) });
  return chooseNode(trx, {
    ...place,
    image,
    flavor: server.flavor,
    nics: (server.requested_networks as RequestedNetwork[]).length,
    checkDriver(node) {
      chooseDeployInterface(drivers, node, { image, instance: server });
      deployStepsFor(node, wanted);
    },
  });
}

/** The traits that the flavor and the image require, which Nova's driver puts into `instance_info`. */
export function traitsOf({ flavor }: Pick<Server, 'flavor'>, image: Image): string[] {
  const { traits } = readRequirements(flavor, image);
  return [...new Set(traits.filter(({ required }) => required).map(({ name }) => name))];
}

type Claim = {
  server: Server;
  node: Node;
  image: Image;
  /** Added to the purpose of the operation. */
  about?: string;
  request: Pick<BaseRequest, 'images' | 'by_admin'> & { any_node?: boolean };
};

/** Gives the node to the server, and begins its deployment. The server's row is the caller's. */
export async function claimNode(
  trx: Store,
  { drivers, settings, states, begin }: Pick<EndParts, 'drivers' | 'settings' | 'states' | 'begin'>,
  { server, node, image, about = '', request }: Claim,
): Promise<Operation> {
  const deployInterface = chooseDeployInterface(drivers, node, { image, instance: server });
  const traits = traitsOf(server, image);
  const steps = deployStepsFor(node, await findDeploySteps(trx, { drivers, settings, traits }));
  // VIFs that Ironic's API has attached belong to no server: the machine has the server's networks only.
  await detachPorts(trx, node.uuid);
  await states.apply(trx, node.uuid, 'active', {
    instance_uuid: server.id,
    must_clean: true,
    target_provision_state: 'active',
    last_error: null,
    instance_info: { display_name: server.name, image_source: image.id, ...(traits.length > 0 && { traits }) },
    ...leased(node, settings, { instance: server.project_id, request: server.project_id }),
  });
  const purpose = `deploy server ${server.name}${about}`;
  const fields = { purpose, node_uuid: node.uuid, server_id: server.id };
  const whole = { ...deployRequest(drivers, node, deployInterface), image_id: image.id, ...(steps && { steps }), ...request };
  return begin(trx, newOperation({ kind: 'deploy', request: DeployRequest }, { ...fields, request: whole }));
}
