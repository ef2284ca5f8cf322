import type { BootInterface } from '../interfaces.ts';

/** Accepts any request and serves nothing, since no machine boots. */
export const fakeBoot: BootInterface = {
  properties: {},
  simulated: true,
  validate() {},
  plan: ({ node, folder, macs }) => ({ node_uuid: node.uuid, folder, macs, firmware: 'none', files: [] }),
};
