/** dnsmasq's log lines as what they tell of machines. Anything else is undefined. */

export type DhcpMessage = {
  kind: 'dhcp';
  /** `DISCOVER`, `OFFER`, `REQUEST`, `ACK`, `NAK`, `RELEASE`, `DECLINE`, `INFORM`. */
  type: string;
  /** Of an InfiniBand port: its client id, or its GUID. */
  mac: string;
  address?: string;
  /** What follows: a host name, or the reason why nothing was given. */
  rest: string;
};
export type BootFileChoice = { kind: 'bootfile'; transaction: string; file: string };
/** Ours and dnsmasq's own words for what a client is. */
export type ClientTags = { kind: 'tags'; transaction: string; tags: string[] };
/** Option 60 as firmware fills it in: `PXEClient:Arch:00011:UNDI:003000`. */
export type VendorClass = { kind: 'vendor'; transaction: string; vendorClass: string };
export type TftpTransfer = {
  kind: 'tftp';
  outcome: 'sent' | 'missing' | 'failed';
  address: string;
  path: string;
  detail?: string;
};
export type Warning = { kind: 'warning'; message: string };
export type DnsmasqEntry =
  | (DhcpMessage & { transaction: string })
  | BootFileChoice
  | ClientTags
  | VendorClass
  | TftpTransfer
  | Warning;

const prefix = /^dnsmasq(?:-(?:dhcp|tftp|script))?\[\d+\]: /;
const mac = '((?:[0-9a-f]{2}:){5,254}[0-9a-f]{2})';
const ip = '(\\d+(?:\\.\\d+){3})';

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
    read: ([detail = '', address = '']) => ({ kind: 'tftp', outcome: 'failed', address, path: '', detail }),
  },
  {
    pattern: /^((?:not using configured|no address range|duplicate|cannot |failed |DHCP packet received on).*)$/,
    read: ([message = '']) => ({ kind: 'warning', message }),
  },
];

export function parseDnsmasqLine(line: string): DnsmasqEntry | undefined {
  const text = line.replace(prefix, '');
  for (const { pattern, read } of rows) {
    const match = pattern.exec(text);
    if (match) return read(match.slice(1));
  }
  return undefined;
}
