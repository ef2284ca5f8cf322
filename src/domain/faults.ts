/**
 * Every fault Ingot can tell a user about: one row each. `status` is the HTTP status where the fault answers an
 * API call; `hint` says what a person can do. Whose fault it is decides the wording, the log level and the retry.
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
  forbidden: { status: 403, by: 'caller', message: '{detail}' },
  notFound: { status: 404, by: 'caller', message: '{what} {id} could not be found.' },
  recordNotFound: {
    status: 404,
    by: 'caller',
    message: 'History record {id} could not be found: there was none, or it was removed since (records.keep is {days} days).',
  },
  methodNotAllowed: { status: 405, by: 'caller', message: 'There is no {method} at {resource}, but {allowed}.' },
  notAcceptable: { status: 406, by: 'caller', message: '{detail}' },
  requestTimeout: { status: 408, by: 'caller', message: '{detail}' },
  clientGone: { status: 400, by: 'caller', message: '{what} was cut short because the client hung up.' },
  unsupportedMediaType: { status: 415, by: 'caller', message: '{detail}' },
  tooManyRequests: { status: 429, by: 'caller', message: 'Too many {what}; try again in {seconds} s.' },
  conflict: { status: 409, by: 'caller', message: '{detail}' },
  tooLarge: { status: 413, by: 'caller', message: '{detail}' },
  unsupported: {
    status: 501,
    by: 'ingot',
    message: '{what} is not supported by Ingot yet.',
    hint: 'docs/limits.md lists what is missing.',
  },
  nodeBusy: {
    status: 409,
    by: 'caller',
    message: 'Node {node} is locked: {purpose} (operation {operation}) is under way; try again when it has ended.',
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

  // `device`: what has the machine's power in its hands where that is no BMC. None of these is a 503: Ironic's client repeats that six times by itself, and BMCs lock accounts.
  bmcUnreachable: {
    status: 504,
    by: 'hardware',
    message: 'The {device} at {address} did not answer ({attempts} attempts in {seconds} s): {detail}.',
    hint: 'Check its cable, its power and the address in driver_info of the node.',
  },
  bmcNotReady: {
    status: 504,
    by: 'hardware',
    message: 'The {device} at {address} is not ready: it answered {command} with {detail}.',
    hint: 'A BMC that has just started answers so for some minutes; if it lasts, restart the BMC.',
  },
  bmcRefused: {
    status: 502,
    by: 'site',
    message: 'The {device} at {address} refused the user name or password: {detail}.',
    hint: 'Correct user name and password in driver_info of the node (`baremetal node set --driver-info`); in state enroll it then needs `baremetal node manage` again.',
  },
  bmcError: {
    status: 502,
    by: 'hardware',
    message: 'The {device} at {address} answered {command} with {detail}.',
    hint: 'The command was understood but not carried out; its log may say why.',
  },
  bmcUntrusted: {
    status: 502,
    by: 'site',
    message: 'The {device} at {address} could not prove who it is: {detail}.',
    hint: 'Nothing was sent to it. If what it showed is really its own, tell the node so in driver_info: redfish_fingerprint, power_fingerprint or ssh_host_key.',
  },
  notOfThisHardware: {
    status: 400,
    by: 'caller',
    message: "Node {node} (driver '{driver}') has no {what}: not with the interfaces it uses.",
    hint: '`baremetal driver show` lists the interfaces of a hardware type, `baremetal node set --power-interface …` (or another kind) chooses one.',
  },
  sameMachine: {
    status: 409,
    by: 'site',
    message: 'Nodes {node} and {other} are the same machine: {detail}.',
    hint: 'Correct the address in driver_info, or delete one of the nodes. Where a vendor gave several machines one UUID, set properties/system_uuid_not_unique=true.',
  },
  powerNotReached: {
    status: 502,
    by: 'hardware',
    message: 'The machine was told to be {target} but is still {seen} after {seconds} s.',
    hint: 'The BMC accepted the command without effect; look at the machine.',
  },
  personSilent: {
    status: 500,
    by: 'site',
    message: 'Nobody confirmed within {seconds} s: it waited for {what}.',
    hint: 'A node with manual power needs somebody near it; `baremetal node passthru call <node> confirm` tells that it is done.',
  },
  driverInfo: {
    status: 400,
    by: 'caller',
    message: 'driver_info of node {node} is not usable: {detail}.',
    hint: '`baremetal driver property list` tells what each setting means.',
  },
  stepTimeout: {
    status: 500,
    by: 'hardware',
    message: '{step} ended after {seconds} s: {waited}. Last seen: {seen}.',
    hint: '{cause}',
  },
  agentFailed: { status: 500, by: 'hardware', message: 'The ramdisk on the machine could not {command}: {detail}' },
  agentOutdated: {
    status: 409,
    by: 'site',
    message: 'The deploy ramdisk holds the agent of another version of Ingot: it speaks protocol {found}, this Ingot {wanted}.',
    hint: 'Rebuild the ramdisk with `bin/ingot ramdisk build`, and name its kernel and ramdisk in the settings or the flavor.',
  },
  secondAgent: {
    status: 403,
    by: 'site',
    message: 'Two agents presented the token of this operation: first one at {first}, then another at {second}.',
    hint: 'The machine restarted by itself while its ramdisk was at work, or another machine took its place: look at its console log, and at who is on the provisioning network. The operation was ended; begin it anew.',
  },
  diskMissing: {
    status: 500,
    by: 'hardware',
    message: 'The machine was cleaned without {what}, which may still hold data.',
    hint: 'Look at the disk and its cable, then clean again. {remedy}.',
  },
  wrongMachine: {
    status: 403,
    by: 'site',
    message: 'The agent that reported for node {node} runs on {whose}: it has {found}, but {expected}. Nothing was written.',
    hint: 'Correct the MACs of the ports and the BMC address of both nodes. Where its mainboard was replaced, `baremetal node set --property system_uuid=<UUID>` says which machine the node is.',
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
    message: 'The prepared copy of image {image} was damaged on the disk of this host. It is made anew from the upload.',
    hint: 'Create the server again; look at the disk that holds the images.',
  },
  imageUnusable: { status: 400, by: 'caller', message: 'Image {image} cannot be deployed: {detail}' },
  imageNotBootable: {
    status: 400,
    by: 'caller',
    message: 'Image {image} would not start on node {node}: {detail}. Nothing was restarted.',
    hint: "Use an image for this kind of machine, or correct cpu_arch or the capability boot_mode of the node; the image's property ingot_boot_check=skip deploys it all the same.",
  },
  diskUnfit: {
    status: 500,
    by: 'caller',
    message: 'The disk of the machine cannot be partitioned as flavor {flavor} asks: {detail}.',
    hint: 'Use a smaller flavor, or a node with a larger disk; local_gb in the properties of the node should tell its true size.',
  },
  systemNotStarting: {
    status: 500,
    by: 'hardware',
    message: 'The machine starts no system: {evidence}.',
    hint: '{advice}, or restart it by `openstack server reboot --hard` when the cause is gone.',
  },
  toolFailed: {
    status: 500,
    by: 'site',
    message: '{tool} failed: {detail}',
    hint: 'Is the program installed and current? `npm run demo` on Debian 12 installs all that is needed.',
  },
  notConfined: {
    status: 501,
    by: 'site',
    message: '{tool} was not run, since it could not be confined to its files: {detail}.',
    hint: 'Install bubblewrap (Debian package bubblewrap) where namespaces are allowed; tools.confinement=none runs such programs with all rights of Ingot instead.',
  },
  noSpace: {
    status: 507,
    by: 'site',
    message: 'There is no space left in the image store: {mib} MiB of its disk are kept free.',
    hint: 'Remove images that nobody needs, or enlarge the disk; images.reserve_mib is what is kept free.',
  },
  diskReserve: {
    status: 507,
    by: 'site',
    message: 'There is no space left for changes: {mib} MiB of the disk of the state folder are kept free.',
    hint: 'Remove what nobody needs (deleting goes on), or enlarge the disk; images.reserve_mib is what is kept free.',
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
    message: 'The secrets in the database cannot be read with the key file {file}: {detail}.',
    hint: 'Put the right file back from a backup, or name it (setting secrets.key_file). Nothing was changed.',
  },
  eventCertificate: {
    status: 500,
    by: 'site',
    message: 'BMCs cannot post events by HTTPS with the certificate {file}: {detail}.',
    hint: 'Correct redfish.events_certificate and redfish.events_key (PEM files); without both, Ingot makes a certificate itself.',
  },
  stateFolder: {
    status: 500,
    by: 'site',
    message: 'The state folder {path} cannot be used: {detail}.',
    hint: 'Name another one with --state (setting state_dir), or correct this one.',
  },
  cancelled: { status: 409, by: 'caller', message: '{what} was cancelled: {why}.' },
  interrupted: { status: 500, by: 'caller', message: '{what} was cut short because {why}.' },
  internal: {
    status: 500,
    by: 'ingot',
    message: 'Unexpected error: {detail}',
    hint: 'This is a defect of Ingot; the log has more.',
  },
} as const satisfies Record<string, FaultRow>;

export type FaultCode = keyof typeof faultTable;

/** Does not compile while a fault of the table is not classified. */
const tenantTable: Readonly<Record<FaultCode, true | string>> = tenantMessages;

/** A BMC that is away for a while, above all when it restarts: what it was asked may be asked again. */
export const passingBmcFaults: readonly FaultCode[] = ['bmcUnreachable', 'bmcNotReady'];

export type FaultFields = Readonly<Record<string, string | number>>;

/** A fault as it is stored on operations, nodes and servers. `tenant_message`: what tenants read instead of message and hint. */
export type FaultRecord = { code: FaultCode; message: string; hint?: string; step?: string; tenant_message?: string };

/** The only error class that drivers, engine and API throw on purpose. Everything else is a defect. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly status: number;
  readonly hint: string | undefined;
  /** What filled the message. */
  readonly fields: FaultFields;
  /** What tenants read instead of message and hint; undefined = both as they are. */
  readonly tenant_message: string | undefined;
  /** For the developer's log only; never shown, so it may hold what a peer answered, but no secret either. */
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

/** What a tenant may read of it, message and hint. A record that an earlier version stored has only its code to go by. */
export function redactFault(fault: Fault | FaultRecord): Pick<FaultRecord, 'message'> & { hint?: string | undefined } {
  if (fault.tenant_message) return { message: fault.tenant_message };
  const known = Object.hasOwn(tenantTable, fault.code) ? tenantTable[fault.code] : unknownToTenants;
  if (known === true) return { message: fault.message, hint: fault.hint };
  return { message: known.includes('{') ? unknownToTenants : known };
}

/** What happened and what to do, as people read it; null where nothing happened. */
export function tellFault(fault: Pick<FaultRecord, 'message' | 'hint'> | null | undefined): string | null {
  if (!fault) return null;
  return fault.hint ? `${fault.message} ${fault.hint}` : fault.message;
}

/** Any thrown value as a Fault: what is not one already is a defect and becomes `internal`. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault('internal', { detail: error instanceof Error ? error.message : String(error) }, error);
}

const usual: FaultFields = { device: 'BMC' };

/** A refusal does not repeat the whole of what it refuses. */
const longestValue = 4_000;
const shorten = (text: string) => (text.length > longestValue ? `${text.slice(0, longestValue)}…` : text);

/** A value that ends a sentence of its own does not end ours twice. */
function fill(template: string, fields: FaultFields): string {
  const text = template.replace(/\{(\w+)\}(\.?)/g, (_, name: string, stop: string) => {
    const value = plainText(shorten(String(fields[name] ?? usual[name] ?? '?')));
    return /[.!?]$/.test(value) ? value : value + stop;
  });
  return text.replace('(1 attempts in', '(1 attempt in');
}
