/**
 * `/v1/nodes/{node}/inventory`: what the BMC reported if it was asked at the last inspection, else what the ramdisk last
 * found, in the format of Ironic's agent. Facts that our agent does not collect are null.
 */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { lastReport } from '#engine/contract.ts';
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
      const report = lastReport(node);
      if (!report) throw new Fault('notFound', { what: 'Inventory of node', id: node.name ?? node.uuid });
      return { inventory: report.inventory, plugin_data: node.plugin_data ?? report.plugin_data };
    },
  }),
];
