/** Parses dnsmasq's log lines. Unknown lines are undefined. */

export type DhcpMessage = {
  kind: 'dhcp';
  /** `DISCOVER`, `OFFER`, `REQUEST`, `ACK`, `NAK`, `RELEASE`, `DECLINE`, `INFORM`. */
  type: string;
  /** For an InfiniBand port: its client id or GUID. */
  mac: string;
  address?: string;
  /** The rest of the line: a host name, or the reason for a refusal. */
  rest: string;
};
export type BootFileChoice = { kind: 'bootfile'; transaction: string; file: string };
/** Our own tags and dnsmasq's tags of a client. */
export type ClientTags = { kind: 'tags'; transaction: string; tags: string[] };
/** Option 60 as firmware sends it: `PXEClient:Arch:00011:UNDI:003000`. */
export type VendorClass = { kind: 'vendor'; transaction: string; vendorClass: string };
/** Option 77: iPXE identifies itself here. */
export type UserClass = { kind: 'user class'; transaction: string; userClass: string };
export type TftpTransfer = {
  kind: 'tftp';
  outcome: 'sent' | 'missing' | 'failed';
  address: string;
  path: string;
};
/** The client aborted its transfer; the next line names the file, and says `sent` if it aborted at the first block. */
export type TftpError = { kind: 'tftp error'; address: string; detail: string };
/** `address`, `path`: the fixed address or file concerned. */
export type Warning = { kind: 'warning'; message: string; address?: string; path?: string };
export type DnsmasqEntry =
  | (DhcpMessage & { transaction: string })
  | BootFileChoice
  | ClientTags
  | VendorClass
  | UserClass
  | TftpTransfer
  | TftpError
  | Warning;

const prefix = /^dnsmasq(?:-(?:dhcp|tftp|script))?\[\d+\]: /;
const mac = '((?:[0-9a-f]{2}:){5,254}[0-9a-f]{2})';
const ip = '(\\d+(?:\\.\\d+){3})';

/** Prefixes of lines in which dnsmasq reports that it could not serve any client. */
const complaints = [
  ...['not using configured', 'no address range', 'duplicate', 'cannot ', 'failed ', 'Error ', 'unable to get free port'],
  ...['ARP-cache injection failed', 'interface \\S+ failed', 'DHCP packet received on', 'DHCP range .* is not consistent'],
];

type Row = { readonly pattern: RegExp; readonly read: (groups: string[]) => DnsmasqEntry };

const rows: readonly Row[] = [
  {
    pattern: new RegExp(`^(\\d+ )?DHCP(\\w+)\\([^)]*\\) (?:${ip} )?${mac} ?(.*)$`),
    read: ([transaction = '', type = '', address, hardware = '', rest = '']) => ({
      kind: 'dhcp',
      transaction: transaction.trim(),
      type,
      mac: hardware,
      ...(address && { address }),
      rest: rest.trim(),
    }),
  },
  {
    pattern: /^(\d+) bootfile name: (.+)$/,
    read: ([transaction = '', file = '']) => ({ kind: 'bootfile', transaction, file }),
  },
  {
    pattern: /^(\d+) tags: (.+)$/,
    read: ([transaction = '', tags = '']) => ({ kind: 'tags', transaction, tags: tags.split(', ') }),
  },
  {
    pattern: /^(\d+) vendor class: (.+)$/,
    read: ([transaction = '', vendorClass = '']) => ({ kind: 'vendor', transaction, vendorClass }),
  },
  {
    pattern: /^(\d+) user class: (.+)$/,
    read: ([transaction = '', userClass = '']) => ({ kind: 'user class', transaction, userClass }),
  },
  {
    pattern: new RegExp(`^sent (.+) to ${ip}$`),
    read: ([path = '', address = '']) => ({ kind: 'tftp', outcome: 'sent', address, path }),
  },
  {
    pattern: new RegExp(`^file (.+) not found(?: for ${ip})?$`),
    read: ([path = '', address = '']) => ({ kind: 'tftp', outcome: 'missing', address, path }),
  },
  {
    pattern: new RegExp(`^failed sending (.+) to ${ip}$`),
    read: ([path = '', address = '']) => ({ kind: 'tftp', outcome: 'failed', address, path }),
  },
  {
    pattern: new RegExp(`^error (\\d+ .*) received from ${ip}$`),
    read: ([detail = '', address = '']) => ({ kind: 'tftp error', detail, address }),
  },
  {
    pattern: /^(cannot (?:access|read) (.+): .+)$/,
    read: ([message = '', path = '']) => ({ kind: 'warning', message, path }),
  },
  {
    pattern: new RegExp(
      `^((?:not using configured address|disabling DHCP static address|Error sending DHCP packet to) ${ip}\\b.*)$`,
    ),
    read: ([message = '', address = '']) => ({ kind: 'warning', message, address }),
  },
  {
    pattern: new RegExp(`^(unsupported (?:write )?request from ${ip})$`),
    read: ([message = '', address = '']) => ({ kind: 'warning', message, address }),
  },
  { pattern: new RegExp(`^((?:${complaints.join('|')}).*)$`), read: ([message = '']) => ({ kind: 'warning', message }) },
];

export function parseDnsmasqLine(line: string): DnsmasqEntry | undefined {
  const text = line.replace(prefix, '');
  for (const { pattern, read } of rows) {
    const match = pattern.exec(text);
    if (match) return read(match.slice(1));
  }
  return undefined;
}
