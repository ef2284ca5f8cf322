/**
 * What users without the admin role see of each fault. `true`: message and hint unchanged. A string: this text instead,
 * with the fault's fields. Names of nodes, BMCs and files, and counts of the site, are for the operator only.
 */

const bmc = 'The BMC of the machine could not be used; contact the operator.';
const site = 'A configuration problem at this site prevents the request; contact the operator.';
/** Also for an unknown code, which a newer version may have stored. */
export const unknownToTenants = 'The request failed; contact the operator.';

export const tenantMessages = {
  badRequest: true,
  unauthorized: true,
  forbidden: true,
  notFound: true,
  recordNotFound: true,
  methodNotAllowed: true,
  notAcceptable: true,
  unsupportedMediaType: true,
  requestTimeout: true,
  clientGone: true,
  tooManyRequests: true,
  conflict: true,
  tooLarge: true,
  unsupported: true,
  nodeBusy: 'The machine is busy with another operation; retry after it has completed.',
  wrongState: 'The requested action cannot be performed in the current state of the machine.',
  invalidInput: true,
  invalidIpForNetwork: true,
  invalidIpForSubnet: true,
  policyNotAuthorized: true,
  ipAddressInUse: true,
  macAddressInUse: true,
  ipAddressGenerationFailure: true,
  overQuota: true,
  networkInUse: true,
  subnetInUse: true,
  noValidHost: 'No valid host was found. There are not enough hosts available.',
  bmcUnreachable: bmc,
  bmcNotReady: bmc,
  bmcRefused: bmc,
  bmcError: bmc,
  bmcUntrusted: bmc,
  unsupportedByHardware: 'The machine does not support this.',
  sameMachine: 'The machine is not configured for this; contact the operator.',
  powerNotReached: true,
  operatorTimeout: 'A manual power change was not confirmed in time; contact the operator.',
  driverInfo: 'The machine is not configured for this; contact the operator.',
  stepTimeout: "'{step}' timed out after {seconds} s; contact the operator.",
  agentFailed: 'The agent on the machine failed to {command}; contact the operator.',
  agentOutdated: 'The deploy ramdisk does not match this version of Ingot; the operator must rebuild it.',
  secondAgent: 'Another machine may have impersonated this one; contact the operator.',
  diskMissing: 'A disk of the machine was not found; contact the operator.',
  wrongMachine: 'Another machine responded in place of this one; contact the operator.',
  kernelPanic: 'The kernel of the deploy ramdisk stopped on the machine; the operator can see why.',
  ramdiskError: 'The deploy ramdisk reported an error; contact the operator.',
  checksumMismatch: 'The data of image {image} is corrupt.',
  preparedImageDamaged: 'The prepared copy of image {image} was corrupt and is being rebuilt; retry.',
  imageUnusable: true,
  imageNotBootable:
    'Image {image} would not start on this machine: {detail}. Use another image; its property ingot_boot_check=skip deploys it all the same.',
  diskUnfit: 'The disk of the machine does not fit flavor {flavor}.',
  systemNotStarting: true,
  toolFailed: site,
  notConfined: 'Images of this format cannot be processed at this site; contact the operator.',
  noSpace: 'No space left for this image; contact the operator.',
  diskReserve: 'No space left at this site; until the operator frees some, resources can only be read and deleted.',
  cannotListen: site,
  secretsKey: site,
  eventCertificate: site,
  stateFolder: site,
  policyFile: site,
  cancelled: true,
  interrupted: 'The operation was interrupted; retry.',
  internal: 'Unexpected error; contact the operator.',
} as const satisfies Record<string, true | string>;

/** Nouns of `notFound` that only administrators may see. */
export const operatorNouns: readonly string[] = ['Node', 'Operation', 'Server of operation'];
