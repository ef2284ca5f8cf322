/**
 * What users who are no administrators read of each fault. `true`: its message and hint as they are. A text: that instead,
 * with the fault's own fields. What names nodes, BMCs, files or counts of the site is the operator's alone.
 */

const bmc = "The machine's management controller could not be used; the operator can see why.";
const site = 'Something is wrong at this site; the operator can see what.';
/** Also for a code that this table does not know, since a newer version may have stored it. */
export const unknownToTenants = 'The request failed; the operator can see why.';

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
  nodeBusy: 'The machine is busy with another operation; try again when that has ended.',
  wrongState: 'The requested action cannot be performed in the present state of the machine.',
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
  notOfThisHardware: 'The machine cannot do this.',
  sameMachine: 'The machine is not set up for this; the operator can see why.',
  powerNotReached: true,
  personSilent: 'A change of power was not confirmed in time; the operator can see which.',
  driverInfo: 'The machine is not set up for this; the operator can see why.',
  stepTimeout: '{step} timed out after {seconds} s; the operator can see why.',
  agentFailed: 'The ramdisk on the machine could not {command}; the operator can see why.',
  agentOutdated: 'The deploy ramdisk does not fit this version of Ingot; the operator has to rebuild it.',
  secondAgent: 'Another machine may have taken the place of this one; the operator can see more.',
  diskMissing: 'A disk of the machine was not found; the operator can see which.',
  wrongMachine: 'Another machine answered in the place of this one; the operator can see more.',
  kernelPanic: 'The kernel of the deploy ramdisk stopped on the machine; the operator can see why.',
  ramdiskError: 'The deploy ramdisk reported an error; the operator can see which.',
  checksumMismatch: 'The data of image {image} is corrupt.',
  preparedImageDamaged: 'The prepared copy of image {image} was damaged and is made anew; try again.',
  imageUnusable: true,
  imageNotBootable:
    'Image {image} would not start on this machine: {detail}. Use another image; its property ingot_boot_check=skip deploys it all the same.',
  diskUnfit: 'The disk of the machine cannot be partitioned as flavor {flavor} asks.',
  systemNotStarting: true,
  toolFailed: site,
  notConfined: 'Images of this format cannot be read at this site; the operator can see why.',
  noSpace: 'There is no space left for this image; the operator can see where.',
  diskReserve: 'There is no space left at this site; until the operator makes some, things can only be read and deleted.',
  cannotListen: site,
  secretsKey: site,
  eventCertificate: site,
  stateFolder: site,
  cancelled: true,
  interrupted: 'The operation was interrupted; try again.',
  internal: 'Unexpected error; the operator can see more.',
} as const satisfies Record<string, true | string>;

/** Nouns of `notFound` that only administrators know. */
export const operatorNouns: readonly string[] = ['Node', 'Operation', 'Server of operation'];
