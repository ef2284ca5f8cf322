import type { BootInterface } from '../interfaces.ts';

/** Takes any request and offers nothing: a machine that is not there does not boot. */
export const fakeBoot: BootInterface = {
  properties: {},
  validate() {},
  plan: ({ node, folder, macs }) => ({ node_uuid: node.uuid, folder, macs, firmware: 'none', files: [] }),
};
