/** What goes wrong on a machine, or with its image, while it is deployed or cleaned. */
import type { FaultRow } from './fault-row.ts';

export const deploymentFaults = {
  operatorTimeout: {
    status: 500,
    by: 'site',
    message: 'Timed out after {seconds} s waiting for {what}.',
    hint: 'A node with manual power needs an operator on site, who confirms with `baremetal node passthru call <node> confirm`.',
  },
  holdTimeout: {
    status: 500,
    by: 'caller',
    message: 'No operator ended the hold within {seconds} s.',
    hint: 'The setting steps.hold_timeout says how long a hold may last.',
  },
  stepTimeout: {
    status: 500,
    by: 'hardware',
    message: "'{step}' timed out after {seconds} s: {waited}. Last activity: {seen}.",
    hint: '{cause}',
  },
  agentFailed: { status: 500, by: 'hardware', message: 'The agent on the machine failed to {command}: {detail}' },
  agentOutdated: {
    status: 409,
    by: 'site',
    message: 'The deploy ramdisk contains the agent of another Ingot version (protocol {found}; this Ingot needs {wanted}).',
    hint: 'Rebuild the ramdisk with `bin/ingot ramdisk build`, and set its kernel and ramdisk in the settings or the flavor.',
  },
  secondAgent: {
    status: 403,
    by: 'site',
    message: 'Two agents presented the token of this operation: the first at {first}, another at {second}.',
    hint: 'Either the machine rebooted by itself during the operation, or another machine impersonated it. Check its console log and the provisioning network, then retry the operation.',
  },
  diskMissing: {
    status: 500,
    by: 'hardware',
    message: 'The machine was cleaned without {what}, which may still hold data.',
    hint: 'Check the disk and its cable, then clean again. {remedy}.',
  },
  wrongMachine: {
    status: 403,
    by: 'site',
    message: 'The agent that reported for node {node} runs on {whose}: it has {found}, but {expected}. Nothing was written.',
    hint: 'Correct the port MAC addresses and the BMC addresses of both nodes. If the mainboard was replaced, run `baremetal node set --property system_uuid=<UUID>`.',
  },
  kernelPanic: {
    status: 500,
    by: 'hardware',
    message: 'The kernel that the machine booted stopped. Its console says: "{quote}".',
    hint: '{cause}',
  },
  ramdiskError: { status: 500, by: 'hardware', message: 'The deploy ramdisk reported an error: {detail}' },
  checksumMismatch: {
    status: 500,
    by: 'site',
    message: 'The data of image {image} is corrupt: expected {expected}, got {actual}.',
    hint: 'Upload the image again.',
  },
  preparedImageDamaged: {
    status: 500,
    by: 'site',
    message: 'The prepared copy of image {image} is corrupt on the disk of this host. It is being rebuilt from the upload.',
    hint: 'Create the server again, and check the disk that holds the image store.',
  },
  imageUnusable: { status: 400, by: 'caller', message: 'Image {image} cannot be deployed: {detail}' },
  // In the words of Ironic's ImageRefValidationFailed and ImageDownloadFailed.
  imageRefused: { status: 400, by: 'caller', message: 'Validation of image href {image} failed, reason: {detail}' },
  imageDownloadFailed: {
    status: 502,
    by: 'site',
    message: 'Failed to download image {image}, reason: {detail}.',
    hint: 'Check the URL and its server from this host.',
  },
  imageNotBootable: {
    status: 400,
    by: 'caller',
    message: 'Image {image} would not start on node {node}: {detail}. Nothing was restarted.',
    hint: "Use an image for this kind of machine, or correct cpu_arch or the capability boot_mode of the node; the image's property ingot_boot_check=skip deploys it all the same.",
  },
  diskUnfit: {
    status: 500,
    by: 'caller',
    message: 'The disk of the machine does not fit flavor {flavor}: {detail}.',
    hint: 'Use a smaller flavor or a node with a larger disk, and correct local_gb in the node properties.',
  },
  systemNotStarting: {
    status: 500,
    by: 'hardware',
    message: 'The machine does not boot an operating system: {evidence}.',
    hint: '{advice}, or run `openstack server reboot --hard` once the cause is fixed.',
  },
} as const satisfies Record<string, FaultRow>;
