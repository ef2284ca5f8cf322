/** What deploying, rebuilding and deleting a server share: the request, and the deploy interface that it names. */
import { type Static, Type } from 'typebox';
import type { DeployInterface, Drivers, Instance, Step } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Image } from '#store/tables/images.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { interfaceOf } from '../worker/task.ts';
import { deployList } from './deploy-list.ts';
import { NodeSteps } from './node-steps.ts';

/** What a deployment's row must contain so that a restart rebuilds the same steps. */
export const DeployRequest = Type.Object({
  deploy_interface: Type.String(),
  image_id: Type.Optional(Type.String()),
  /** The disks hold the data of a former instance: cleaning was switched off. */
  uncleaned: Type.Optional(Type.Boolean()),
  /** What the request and deploy templates add, by priority. */
  steps: Type.Optional(NodeSteps),
  /** The client named no node: after a failure another one may be tried. */
  any_node: Type.Optional(Type.Boolean()),
});
export type DeployRequest = Static<typeof DeployRequest>;

export function deployOf(drivers: Drivers, { deploy_interface }: DeployRequest): DeployInterface {
  return interfaceOf(drivers.deploy, deploy_interface);
}

export function deployStepsOf(parts: OperationParts, request: DeployRequest): readonly Step[] {
  return deployList(parts, deployOf(parts.drivers, request).steps, request.steps);
}

/** The node's own deploy interface if it supports the image, otherwise the first of its hardware type that does. */
export function chooseDeployInterface(
  drivers: Drivers,
  node: Pick<Node, 'driver' | 'deploy_interface'>,
  { image, instance }: { image: Image; instance: Instance },
): string {
  const isReal = (name: string) => !drivers.deploy[name]?.simulated;
  const others = isReal(node.deploy_interface) ? (drivers.hardwareTypes[node.driver]?.deploy.filter(isReal) ?? []) : [];
  const candidates = new Set([node.deploy_interface, ...others]);
  let refusal: unknown;
  for (const name of candidates) {
    try {
      interfaceOf(drivers.deploy, name).checkImage(image, instance);
      return name;
    } catch (error) {
      refusal ??= error;
    }
  }
  throw refusal;
}

/** The interfaces of a deployment, which its deletion uses as well. */
export function deployRequest(drivers: Drivers, node: Node, deployInterface: string): DeployRequest & { boot_interface: string } {
  const { boot } = interfaceOf(drivers.deploy, deployInterface);
  const isSupported = boot.includes(node.boot_interface) || drivers.boot[node.boot_interface]?.simulated;
  return {
    deploy_interface: deployInterface,
    ...(node.must_clean && { uncleaned: true }),
    boot_interface: isSupported ? node.boot_interface : (boot[0] ?? node.boot_interface),
  };
}

export function releaseStep(drivers: Drivers, { deploy_interface }: Partial<DeployRequest>): Step {
  return simpleStep({ name: 'release', title: 'Remove temporary files', deadlineSeconds: 120 }, async (task) => {
    if (deploy_interface !== undefined) await interfaceOf(drivers.deploy, deploy_interface).release(task);
  });
}
