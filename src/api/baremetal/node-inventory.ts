/**
 * `/v1/nodes/{node}/inventory`: what the ramdisk last found in the machine, in the format of Ironic's agent. Facts that
 * our agent does not collect are null.
 */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { plainJson } from '#domain/plain-text.ts';
import { type Inventory, shownInventory, summaryOf } from '#engine/contract.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { route } from './policy.ts';

const Facts = Type.Record(Type.String(), Type.Unknown());

export const nodeInventoryRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/inventory',
    policy: 'baremetal:node:inventory:get',
    since: 81,
    summary: 'Show the hardware inventory of a node',
    reply: Type.Object({ inventory: Facts, plugin_data: Facts }),
    async handler(request, context) {
      const node = await findNode(context, request.params.node);
      if (!node.inventory) throw new Fault('notFound', { what: 'Inventory of node', id: node.name ?? node.uuid });
      // The boot server has validated it (`agent-protocol/messages.ts`).
      const inventory = plainJson(node.inventory) as unknown as Inventory;
      return { inventory: shownInventory(inventory), plugin_data: node.plugin_data ?? summaryOf(inventory) };
    },
  }),
];
