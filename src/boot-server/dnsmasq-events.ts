/** Converts dnsmasq's log into machine events: addresses, files, refusals. */
import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { formatRequester, isMachine } from '#domain/requesters.ts';
import { noLoaderTag } from './dnsmasq-config.ts';
import {
  type BootFileChoice,
  type ClientTags,
  type DhcpMessage,
  type DnsmasqEntry,
  parseDnsmasqLine,
  type TftpTransfer,
  type Warning,
} from './dnsmasq-log.ts';
import type { MachineAddresses } from './machine-addresses.ts';
import type { Log, Report } from './parts.ts';
import type { Plans } from './plans.ts';
import { laidPaths, macOfConfig } from './tftp-files.ts';

type Parts = { addresses: MachineAddresses; plans: Plans; report: Report; log: Log; tftpRoot: string };

/** An unknown machine retries for ever; it is reported once per interval. */
const unknownMacMs = 60_000;
const rememberedMax = 2000;

const dhcpTexts: Readonly<Record<string, string>> = {
  DISCOVER: 'sent DHCPDISCOVER',
  OFFER: 'is offered {address}',
  REQUEST: 'asks for {address}',
  ACK: 'gets {address}',
  NAK: 'may not have {address}',
  RELEASE: 'gives {address} back',
  DECLINE: 'declined {address}: the address is in use',
  INFORM: 'has {address} and asks for the rest',
};

/** dnsmasq repeats a complaint for each request; it is reported once per interval. */
const complaintMs = 30_000;
/** About the client of the last DHCP message: its network port may have more options than its messages have room for. */
const aboutClient = /^cannot send /;

export class DnsmasqEvents {
  readonly #parts: Parts;
  readonly #unknownMacs = new Map<string, number>();
  readonly #complaints = new Map<string, number>();
  readonly #acknowledged = new Map<string, string>();
  /** MAC in the last DHCP message: dnsmasq serves one client after another. */
  #lastClient: string | undefined;
  /** Keyed by DHCP transaction. */
  readonly #vendorClasses = new Map<string, string>();
  readonly #userClasses = new Map<string, string>();
  readonly #loaderless = new Map<string, ClientTags>();
  /** Keyed by address: the client's TFTP error message, until the line that names the file. */
  readonly #tftpErrors = new Map<string, string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  take(line: string): void {
    this.#parts.log.debug({ line }, 'dnsmasq');
    const entry = parseDnsmasqLine(line);
    if (entry) this.#take(entry);
  }

  #take(entry: DnsmasqEntry): void {
    if (entry.kind === 'dhcp') this.#dhcp(entry);
    else if (entry.kind === 'bootfile') this.#bootFile(entry);
    else if (entry.kind === 'vendor') remember(this.#vendorClasses, entry.transaction, entry.vendorClass);
    else if (entry.kind === 'user class') remember(this.#userClasses, entry.transaction, entry.userClass);
    else if (entry.kind === 'tags') this.#tags(entry);
    else if (entry.kind === 'tftp') void this.#tftp(entry, this.#endOfTransfer(entry));
    else if (entry.kind === 'tftp error') remember(this.#tftpErrors, entry.address, entry.detail);
    else this.#warning(entry);
  }

  #tags(entry: ClientTags): void {
    if (isLoaderless(entry)) remember(this.#loaderless, entry.transaction, entry);
  }

  #dhcp({ type, mac: client, address, rest, transaction }: DhcpMessage & { transaction: string }): void {
    const mac = this.#parts.plans.macOfClient(client);
    this.#lastClient = mac;
    const isIgnored = rest === 'ignored';
    if (isIgnored && isReportedAlready(this.#unknownMacs, mac, unknownMacMs)) return;
    if (type === 'ACK' && address) {
      this.#parts.addresses.learn(address, mac);
      if (transaction) remember(this.#acknowledged, transaction, mac);
    }
    if (type === 'RELEASE' && address) this.#parts.addresses.forget(address);
    const text = (dhcpTexts[type] ?? `DHCP${type}`).replace('{address}', address ?? 'an address');
    // An ACK is followed by the host name, other types by the reason.
    const reason = type === 'ACK' || type === 'OFFER' ? '' : rest;
    const [vendorClass, userClass] = [this.#vendorClasses.get(transaction), this.#userClasses.get(transaction)];
    this.#parts.report({
      kind: 'dhcp',
      mac,
      ...(address && { address }),
      ...(isIgnored && { isUnexpected: true }),
      subject: `DHCP${type}`,
      message: reason ? `${text} (${isIgnored ? 'ignored: no plan for this MAC' : reason})` : text,
      data: {
        ...(reason && { reason }),
        // Distinguishes firmware from operating systems.
        ...((vendorClass !== undefined || type === 'ACK') && { vendor_class: vendorClass ?? '' }),
        ...(userClass && { user_class: userClass }),
      },
    });
    if (type === 'ACK') this.#reportMissingLoader(mac, transaction);
  }

  /** The ramdisk and installed systems also send DHCP requests; only firmware sends a network boot vendor class. */
  #reportMissingLoader(mac: string, transaction: string): void {
    const client = this.#loaderless.get(transaction);
    const vendorClass = this.#vendorClasses.get(transaction) ?? '';
    if (!client || !/^(PXE|HTTP)Client:/.test(vendorClass)) return;
    this.#loaderless.delete(transaction);
    const why = client.tags.includes('pxelinux')
      ? 'pxelinux is a BIOS program; use another boot_interface or BIOS mode'
      : 'there are loaders for x86-64 alone, BIOS and UEFI';
    const message = `gets nothing to boot, as there is no loader for its firmware (${vendorClass}): ${why}`;
    this.#parts.report({ kind: 'dhcp', mac, subject: 'no loader', message, data: { vendor_class: vendorClass } });
  }

  /** dnsmasq also names the file with every offer; only the acknowledged one counts. */
  #bootFile({ transaction, file }: BootFileChoice): void {
    const mac = this.#acknowledged.get(transaction);
    if (mac === undefined) return;
    this.#acknowledged.delete(transaction);
    const data = { file, vendor_class: this.#vendorClasses.get(transaction) ?? '' };
    this.#parts.report({ kind: 'dhcp', mac, subject: 'boot file', message: `is sent the boot file ${file}`, data });
  }

  /**
   * Firmware first requests the size of a file: it aborts that transfer at the reply, and dnsmasq logs it as sent. A
   * transfer aborted later was aborted in its last block, or dnsmasq logs a failure.
   */
  #endOfTransfer({ outcome, address }: TftpTransfer): { outcome: TransferOutcome; detail?: string } {
    const detail = this.#tftpErrors.get(address);
    if (detail === undefined) return { outcome };
    this.#tftpErrors.delete(address);
    return { outcome: outcome === 'sent' ? 'ended' : outcome, detail };
  }

  async #tftp({ address, path }: TftpTransfer, end: { outcome: TransferOutcome; detail?: string }): Promise<void> {
    const { outcome, detail } = end;
    const subject = path && relative(this.#parts.tftpRoot, path);
    const bytes = outcome === 'sent' ? await sizeOf(path) : undefined;
    const reason = detail ? `: ${detail}` : '';
    const messages = {
      sent: `fetched ${subject} by TFTP`,
      ended: `began to take ${subject} by TFTP and ended the transfer, as firmware does that asks for the size first${reason}`,
      missing: `asked for ${subject} by TFTP, which does not exist`,
      failed: `aborted a TFTP transfer of ${subject}${reason}`,
    };
    if (outcome === 'sent') await this.#reportOtherMachine(subject, address);
    const mac = await this.#parts.addresses.likelyMacOf(address);
    this.#parts.report({
      kind: 'tftp',
      ...(mac && { mac }),
      address,
      subject: subject || 'TFTP',
      message: messages[outcome],
      data: { outcome, ...(bytes !== undefined && { bytes }) },
    });
  }

  /** Recorded for the machine concerned, or for all waiting machines. */
  #warning({ message, address, path }: Warning): void {
    const isAboutClient = aboutClient.test(message);
    const mac = isAboutClient ? this.#lastClient : this.#macConcerned(address, path);
    // One of the options is enough: each has its own complaint.
    if (isReportedAlready(this.#complaints, isAboutClient ? `${mac}` : message, complaintMs)) return;
    this.#parts.log.warn(`dnsmasq: ${message}`);
    const report = { kind: 'dhcp' as const, subject: 'dnsmasq', message: `dnsmasq: ${message}`, data: { complaint: message } };
    this.#parts.report({ ...report, ...(mac ? { mac } : { concernsWaiting: true }) });
  }

  #macConcerned(address: string | undefined, path: string | undefined): string | undefined {
    // The intended owner: the address may be leased to another machine now, which dnsmasq complains about.
    if (address !== undefined) return this.#parts.plans.ownerOf(address) ?? this.#parts.addresses.macOf(address);
    const subject = path && relative(this.#parts.tftpRoot, path);
    const plan = subject ? this.#parts.plans.all().find((candidate) => laidPaths(candidate).includes(subject)) : undefined;
    return plan?.macs[0]?.mac;
  }

  /** dnsmasq does not authenticate clients. The files are useful only from the machine's address; report it still. */
  async #reportOtherMachine(subject: string, address: string): Promise<void> {
    const mac = macOfConfig(subject);
    const plan = mac === undefined ? undefined : this.#parts.plans.ofMac(mac);
    const requester = await this.#parts.addresses.requester(address);
    if (
      !plan ||
      isMachine(
        requester,
        plan.macs.map((entry) => entry.mac),
      )
    )
      return;
    const message = `Another machine at ${formatRequester(requester)} fetched ${subject} by TFTP; what it names is refused from there`;
    this.#parts.report({ kind: 'tftp', mac: mac as string, address, isOtherMachine: true, subject: 'other machine', message });
  }
}

/** `ended`: started, then aborted by the client in its first or last block. */
type TransferOutcome = TftpTransfer['outcome'] | 'ended';

function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

function isReportedAlready(reported: Map<string, number>, key: string, ms: number): boolean {
  const now = Date.now();
  if (now - (reported.get(key) ?? Number.NEGATIVE_INFINITY) < ms) return true;
  remember(reported, key, now);
  return false;
}

/** A plan with an address only has no boot loader for any firmware. */
function isLoaderless({ tags }: ClientTags): boolean {
  return tags.includes(noLoaderTag) && (tags.includes('ipxe') || tags.includes('pxelinux'));
}

/** Machines choose the keys, so the oldest entries are evicted. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > rememberedMax && oldest !== undefined) map.delete(oldest);
}
