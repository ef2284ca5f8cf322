/** What the state of a node, or of those around it, does not allow. */
import type { FaultRow } from './fault-row.ts';

export const nodeFaults = {
  unsupportedExtension: {
    status: 404,
    by: 'caller',
    message: 'Driver {driver} does not support {extension} (disabled or not implemented).',
  },
  nodeBusy: {
    status: 409,
    by: 'caller',
    message:
      'Node {node} is locked by host {host}, please retry after the current operation is completed. It is held by {holder}.',
  },
  nodeLocked: {
    status: 409,
    by: 'caller',
    message: 'Node {node} has a lock of {owner}: "{reason}" ({kind}, {id}).',
    hint: '{until} Its owner or an administrator can delete it: DELETE /v1/nodes/{node}/locks/{id}.',
  },
  childFailed: { status: 502, by: 'hardware', message: 'The step {step} failed on child node {node}: {detail}' },
  // Ironic's `ParentNodeLocked` and `ChildNodeLocked`.
  relativeBusy: {
    status: 409,
    by: 'caller',
    message:
      'Node {node} {relative} {uuid} is presently locked and we are unable to perform any action on it at this time. Please retry after the current operation is completed.',
  },
  activeChildren: {
    status: 409,
    by: 'caller',
    message: 'Node {node} cannot be powered off, because child nodes with an instance would lose their power: {children}.',
    hint: 'Power them off first, or set them to maintenance; a child with a supply of its own has driver_info/has_dedicated_power_supply. The setting power.off_with_active_children powers them off with their parent.',
  },
  firmwareUpdating: {
    status: 409,
    by: 'caller',
    message:
      'The firmware of node {node} may be being written: the update of the {what}, sent at {sent_at}, has not been reported as ended.',
    hint: 'It counts as over when the BMC reports its end or another version, or at {until}. If it is known to be over: DELETE /v1/nodes/{node}/firmware_updates.',
  },
  wrongState: {
    status: 400,
    by: 'caller',
    message: "The requested action '{action}' can not be performed on node {node} while it is in state '{state}'.",
  },
  noValidHost: { status: 400, by: 'caller', message: 'No valid host was found. {reasons}' },
  sameMachine: {
    status: 409,
    by: 'site',
    message: 'Nodes {node} and {other} are the same machine: {detail}.',
    hint: 'Correct the address in driver_info, or delete one of the nodes. If a vendor gave several machines the same UUID, set properties/system_uuid_not_unique=true.',
  },
  driverInfo: {
    status: 400,
    by: 'caller',
    message: 'driver_info of node {node} is invalid: {detail}.',
    hint: '`baremetal driver property list` describes each setting.',
  },
  driverInfoChanged: {
    status: 409,
    by: 'caller',
    message: '{command} on the {device} at {address} was aborted because driver_info of its node was changed.',
    hint: 'Repeat the request.',
  },
  inspectionRule: {
    status: 400,
    by: 'site',
    message: 'Failed to inspect hardware. Reason: {detail}',
    hint: 'See the inspection rules (/v1/inspection_rules).',
  },
  inspectionIncomplete: {
    status: 400,
    by: 'hardware',
    message: 'Failed to discover the following properties: {what} on node {node}: its BMC does not report them',
    hint: 'Set them: `baremetal node set --property`. Or inspect with the interface `agent`, for which the machine boots the ramdisk.',
  },
} as const satisfies Record<string, FaultRow>;
