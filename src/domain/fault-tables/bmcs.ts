/** What a BMC, or what switches a machine in its place, does not do. */
import type { FaultRow } from './fault-row.ts';

export const bmcFaults = {
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
  powerNotReached: {
    status: 502,
    by: 'hardware',
    message: 'The machine did not reach {target} within {seconds} s; it is still {seen}.',
    hint: 'The BMC accepted the command, but it had no effect. Check the machine.',
  },
} as const satisfies Record<string, FaultRow>;
