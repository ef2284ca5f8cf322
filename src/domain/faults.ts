/**
 * Every fault that Ingot reports to users, one row each. `status` is the HTTP status of an API response; `hint` is the
 * remedy. Who is responsible decides the wording, the log level and the retry.
 */

import { plainText } from './plain-text.ts';
import { operatorNouns, tenantMessages, unknownToTenants } from './tenant-messages.ts';

type FaultRow = {
  readonly status: number;
  readonly by: 'caller' | 'hardware' | 'site' | 'ingot';
  readonly message: string;
  readonly hint?: string;
};

export const faultTable = {
  badRequest: { status: 400, by: 'caller', message: '{detail}' },
  unauthorized: { status: 401, by: 'caller', message: 'The request you have made requires authentication.' },
  authenticationFailed: { status: 401, by: 'caller', message: '{detail}' },
  authMethodNotSupported: { status: 401, by: 'caller', message: 'Attempted to authenticate with an unsupported method.' },
  applicationCredentialAuth: {
    status: 401,
    by: 'caller',
    message: 'Error authenticating with application credential: {detail}',
  },
  forbidden: { status: 403, by: 'caller', message: '{detail}' },
  notFound: { status: 404, by: 'caller', message: '{what} {id} could not be found.' },
  /** In the service's own words. */
  missing: { status: 404, by: 'caller', message: '{detail}' },
  notOffered: { status: 404, by: 'caller', message: '{detail}' },
  unsupportedExtension: {
    status: 404,
    by: 'caller',
    message: 'Driver {driver} does not support {extension} (disabled or not implemented).',
  },
  recordNotFound: {
    status: 404,
    by: 'caller',
    message: 'History record {id} could not be found. It never existed or has expired (records.keep is {days} days).',
  },
  methodNotAllowed: { status: 405, by: 'caller', message: 'There is no {method} at {resource}, but {allowed}.' },
  notAcceptable: { status: 406, by: 'caller', message: '{detail}' },
  requestTimeout: { status: 408, by: 'caller', message: '{detail}' },
  clientDisconnected: { status: 400, by: 'caller', message: '{what} was aborted because the client disconnected.' },
  rangeNotSatisfiable: { status: 416, by: 'caller', message: '{detail}' },
  unsupportedMediaType: { status: 415, by: 'caller', message: '{detail}' },
  invalidImageData: { status: 415, by: 'caller', message: '{detail}' },
  tooManyRequests: { status: 429, by: 'caller', message: 'Too many {what}; try again in {seconds} s.' },
  conflict: { status: 409, by: 'caller', message: '{detail}' },
  preconditionFailed: { status: 412, by: 'caller', message: '{detail}' },
  tooLarge: { status: 413, by: 'caller', message: '{detail}' },
  unsupported: {
    status: 501,
    by: 'ingot',
    message: '{what} is not supported by Ingot yet.',
    hint: 'See docs/limits.md for what is not supported.',
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
  invalidInput: { status: 400, by: 'caller', message: 'Invalid input for operation: {detail}.' },
  invalidIpForNetwork: {
    status: 400,
    by: 'caller',
    message: 'IP address {address} is not a valid IP for any of the subnets on the specified network.',
  },
  invalidIpForSubnet: {
    status: 400,
    by: 'caller',
    message: 'IP address {address} is not a valid IP for the specified subnet.',
  },
  policyNotAuthorized: { status: 403, by: 'caller', message: 'rule:{rule} is disallowed by policy' },
  ipAddressInUse: { status: 409, by: 'caller', message: 'IP address {address} is in use on network {network}.' },
  macAddressInUse: { status: 409, by: 'caller', message: 'MAC address {mac} is in use on network {network}.' },
  ipAddressGenerationFailure: { status: 409, by: 'caller', message: 'No more IP addresses available on network {network}.' },
  overQuota: { status: 409, by: 'caller', message: "Quota exceeded for resources: ['{what}']." },
  networkInUse: { status: 409, by: 'caller', message: 'Network {network} is in use: {detail}.' },
  subnetInUse: { status: 409, by: 'caller', message: 'Subnet {subnet} is in use: {detail}.' },
  noValidHost: { status: 400, by: 'caller', message: 'No valid host was found. {reasons}' },

  // `device`: the power controller if it is not a BMC. None of these is a 503: Ironic's client retries a 503 six times,
  // and BMCs lock accounts.
  bmcUnreachable: {
    status: 504,
    by: 'hardware',
    message: 'The {device} at {address} did not respond ({attempts} attempts in {seconds} s): {detail}.',
    hint: 'Check its network cable, its power and the address in driver_info.',
  },
  bmcNotReady: {
    status: 504,
    by: 'hardware',
    message: 'The {device} at {address} is not ready: {command} returned {detail}.',
    hint: 'This is normal for a few minutes after a BMC restart. If it persists, restart the BMC.',
  },
  bmcRefused: {
    status: 502,
    by: 'site',
    message: 'The {device} at {address} rejected the user name or password: {detail}.',
    hint: 'Correct the credentials in driver_info (`baremetal node set --driver-info`). A node in state enroll then needs `baremetal node manage` again.',
  },
  bmcError: {
    status: 502,
    by: 'hardware',
    message: '{command} failed on the {device} at {address}: {detail}.',
    hint: 'The {device} rejected the command or failed to carry it out; its own log may say why.',
  },
  raidNotReached: {
    status: 502,
    by: 'hardware',
    message: 'The BMC of node {node} reports {what} as done, but does not list its effect {seconds} s later.',
    hint: 'Look at the volumes of the RAID controller, and at the log of the BMC; then request the step again.',
  },
  bmcUnsupported: {
    status: 502,
    by: 'hardware',
    message: '{command} is not supported by the {device} at {address}: {detail}.',
    hint: 'Check that driver_info names the right part of the {device}; if it does, the firmware or licence of the {device} does not offer this.',
  },
  bmcMalformedReply: {
    status: 502,
    by: 'hardware',
    message: 'The {device} at {address} sent an unusable reply to {command}: {detail}.',
    hint: 'Check that the address in driver_info is that of the {device}; if it is, the {device} deviates from its protocol, which an update of its firmware may correct.',
  },
  bmcInsufficientPrivilege: {
    status: 502,
    by: 'site',
    message: 'The user of the {device} at {address} lacks the privilege for {command}: {detail}.',
    hint: 'Give the account (or SNMP community) in driver_info a higher role on the {device}, or name another one.',
  },
  bmcConnectionClosed: {
    status: 502,
    by: 'hardware',
    message: 'The {device} at {address} closed the connection during {command}: {detail}.',
    hint: 'Check whether the {device} restarted or another client uses it, and the user name and password in driver_info; then retry.',
  },
  bmcUntrusted: {
    status: 502,
    by: 'site',
    message: 'The {device} at {address} could not be authenticated: {detail}.',
    hint: 'No credentials were sent. If the certificate or host key is genuine, add it to driver_info as redfish_fingerprint, power_fingerprint or ssh_host_key.',
  },
  unsupportedByHardware: {
    status: 400,
    by: 'caller',
    message: "Node {node} (driver '{driver}') does not support {what} with its current interfaces.",
    hint: '`baremetal driver show` lists the interfaces of a hardware type; `baremetal node set --power-interface …` (or another kind) selects one.',
  },
  sameMachine: {
    status: 409,
    by: 'site',
    message: 'Nodes {node} and {other} are the same machine: {detail}.',
    hint: 'Correct the address in driver_info, or delete one of the nodes. If a vendor gave several machines the same UUID, set properties/system_uuid_not_unique=true.',
  },
  powerNotReached: {
    status: 502,
    by: 'hardware',
    message: 'The machine did not reach {target} within {seconds} s; it is still {seen}.',
    hint: 'The BMC accepted the command, but it had no effect. Check the machine.',
  },
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
  driverInfo: {
    status: 400,
    by: 'caller',
    message: 'driver_info of node {node} is invalid: {detail}.',
    hint: '`baremetal driver property list` describes each setting.',
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
  toolFailed: {
    status: 500,
    by: 'site',
    message: '{tool} failed: {detail}',
    hint: 'Check that the program is installed and up to date; on Debian 12 `npm run demo` installs all dependencies.',
  },
  notConfined: {
    status: 501,
    by: 'site',
    message: '{tool} was not run because it could not be sandboxed: {detail}.',
    hint: 'Install bubblewrap (Debian package bubblewrap) on a host that allows user namespaces, or set tools.confinement=none to run such programs without a sandbox.',
  },
  noSpace: {
    status: 507,
    by: 'site',
    message: 'No space left in the image store: {mib} MiB of its disk are reserved (images.reserve_mib).',
    hint: 'Delete unused images or enlarge the disk.',
  },
  diskReserve: {
    status: 507,
    by: 'site',
    message: 'No space left for changes: {mib} MiB of the disk of the state folder are reserved (images.reserve_mib).',
    hint: 'Delete unused resources (deletion still works) or enlarge the disk.',
  },
  cannotListen: {
    status: 500,
    by: 'site',
    message: 'Cannot listen on {address}:{port} for {purpose}: {detail}.',
    hint: '{remedy}',
  },
  secretsKey: {
    status: 500,
    by: 'site',
    message: 'The secrets in the database cannot be decrypted with key file {file}: {detail}.',
    hint: 'Restore the key file from a backup, or set secrets.key_file. Nothing was changed.',
  },
  eventCertificate: {
    status: 500,
    by: 'site',
    message: 'The certificate {file} of the HTTPS event listener cannot be used: {detail}.',
    hint: 'Correct redfish.events_certificate and redfish.events_key (PEM files), or unset both to use a self-signed certificate.',
  },
  policyFile: {
    status: 500,
    by: 'site',
    message: 'Policy file {file}, line {line}: {detail}.',
    hint: 'Correct the file, or unset policy.file to use the default rules (docs/policies.md).',
  },
  protectionsFile: {
    status: 500,
    by: 'site',
    message: 'Property protections {file}, line {line}: {detail}.',
    hint: 'Correct the file, or unset images.property_protections to protect no properties.',
  },
  stateFolder: {
    status: 500,
    by: 'site',
    message: 'The state folder {path} cannot be used: {detail}.',
    hint: 'Choose another with --state (setting state_dir), or correct this one.',
  },
  driverInfoChanged: {
    status: 409,
    by: 'caller',
    message: '{command} on the {device} at {address} was aborted because driver_info of its node was changed.',
    hint: 'Repeat the request.',
  },
  // Nothing was sent: clients may retry a 503 at once.
  limitReached: {
    status: 503,
    by: 'site',
    message: '{what} was not started: {detail}.',
    hint: 'Retry later, or raise the setting {setting}.',
  },
  databaseCopy: {
    status: 500,
    by: 'site',
    message: 'The database {from} was not copied to {to}: {detail}.',
    hint: 'Nothing was copied.',
  },
  /** As keystonemiddleware says it; the log has the detail. */
  keystoneUnavailable: { status: 503, by: 'site', message: 'The Keystone service is temporarily unavailable.' },
  identityProviderUnavailable: { status: 503, by: 'site', message: 'The identity provider cannot be asked now.' },
  directoryUnavailable: { status: 503, by: 'site', message: 'The directory of this domain cannot be asked now.' },
  databaseUnavailable: {
    status: 503,
    by: 'site',
    message: 'The database {database} cannot be used: {detail}.',
    hint: 'Check database.url and the PostgreSQL server. Ingot reconnects by itself.',
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
  cancelled: { status: 409, by: 'caller', message: '{what} was cancelled: {why}.' },
  interrupted: { status: 500, by: 'caller', message: '{what} was interrupted: {why}.' },
  internal: {
    status: 500,
    by: 'ingot',
    message: 'Unexpected error: {detail}',
    hint: 'This is a defect in Ingot; see the log for details.',
  },
} as const satisfies Record<string, FaultRow>;

export type FaultCode = keyof typeof faultTable;

/** Fails to compile while a fault is missing in the table. */
const tenantTable: Readonly<Record<FaultCode, true | string>> = tenantMessages;

/**
 * The BMC did not receive the request, or was temporarily unavailable, above all during a restart: the request may be
 * retried.
 */
export const passingBmcFaults: readonly FaultCode[] = ['bmcUnreachable', 'bmcNotReady', 'limitReached'];

/** The BMC was reached with valid credentials, but the request did not succeed. */
export const failedBmcFaults: readonly FaultCode[] = [
  'bmcError',
  'bmcUnsupported',
  'bmcMalformedReply',
  'bmcInsufficientPrivilege',
  'bmcConnectionClosed',
];

export type FaultFields = Readonly<Record<string, string | number>>;

/**
 * A fault as stored with operations, nodes and servers. `tenant_message`: what tenants see instead of message and hint.
 */
export type FaultRecord = { code: FaultCode; message: string; hint?: string; step?: string; tenant_message?: string };

/** The only error class that drivers, engine and API throw on purpose. Any other error is a defect. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly status: number;
  readonly hint: string | undefined;
  /** The values inserted into the message. */
  readonly fields: FaultFields;
  /** What tenants see instead of message and hint; undefined: both unchanged. */
  readonly tenant_message: string | undefined;
  /** Only for the developer's log, never displayed. It may contain a peer's response, but no secrets. */
  readonly detail: unknown;

  constructor(code: FaultCode, fields: FaultFields = {}, detail?: unknown) {
    const row: FaultRow = faultTable[code];
    super(fill(row.message, fields));
    this.name = 'Fault';
    this.code = code;
    this.status = row.status;
    this.fields = fields;
    this.hint = row.hint && fill(row.hint, fields);
    this.tenant_message = tenantMessageOf(code, fields);
    this.detail = detail;
  }

  toRecord(step?: string): FaultRecord {
    const { code, message, hint, tenant_message } = this;
    return { code, message, ...(hint && { hint }), ...(step && { step }), ...(tenant_message && { tenant_message }) };
  }
}

function tenantMessageOf(code: FaultCode, fields: FaultFields): string | undefined {
  const message = tenantTable[code];
  if (message !== true) return fill(message, fields);
  return code === 'notFound' && operatorNouns.includes(String(fields['what'])) ? unknownToTenants : undefined;
}

/**
 * The message and hint that a tenant may read. For a record stored by an earlier version only the code is available.
 */
export function redactFault(fault: Fault | FaultRecord): Pick<FaultRecord, 'message'> & { hint?: string | undefined } {
  if (fault.tenant_message) return { message: fault.tenant_message };
  const known = Object.hasOwn(tenantTable, fault.code) ? tenantTable[fault.code] : unknownToTenants;
  if (known === true) return { message: fault.message, hint: fault.hint };
  return { message: known.includes('{') ? unknownToTenants : known };
}

/** Message and hint as displayed; null if there is no fault. */
export function formatFault(fault: Pick<FaultRecord, 'message' | 'hint'> | null | undefined): string | null {
  if (!fault) return null;
  return fault.hint ? `${fault.message} ${fault.hint}` : fault.message;
}

/** Converts any thrown value to a Fault: anything else is a defect and becomes `internal`. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault('internal', { detail: error instanceof Error ? error.message : String(error) }, error);
}

const usual: FaultFields = { device: 'BMC' };

/** Limit of a rejected value that is quoted in a message (characters). */
const longestValue = 4_000;
const shorten = (text: string) => (text.length > longestValue ? `${text.slice(0, longestValue)}…` : text);

/** Avoids a doubled period if a value ends with one. */
function fill(template: string, fields: FaultFields): string {
  const text = template.replace(/\{(\w+)\}(\.?)/g, (_, name: string, stop: string) => {
    const value = plainText(shorten(String(fields[name] ?? usual[name] ?? '?')));
    return /[.!?]$/.test(value) ? value : value + stop;
  });
  return text.replace('(1 attempts in', '(1 attempt in');
}
