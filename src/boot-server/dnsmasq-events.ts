/** Turns dnsmasq's log into the record of the machines: addresses, files, refusals. */
import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { isMachine, nameAsker } from '#domain/askers.ts';
import { noLoaderTag } from './dnsmasq-config.ts';
import { type BootFileChoice, type ClientTags, type DhcpMessage, parseDnsmasqLine, type TftpTransfer } from './dnsmasq-log.ts';
import type { MachineAddresses } from './machine-addresses.ts';
import type { Log, Report } from './parts.ts';
import type { Plans } from './plans.ts';
import { macOfConfig } from './tftp-files.ts';

type Parts = { addresses: MachineAddresses; plans: Plans; report: Report; log: Log; tftpRoot: string };

/** An unknown machine asks for ever; once in this time is enough to tell. */
const strangerMs = 60_000;
const rememberedMax = 2000;

const dhcpTexts: Readonly<Record<string, string>> = {
  DISCOVER: 'looks for a DHCP server',
  OFFER: 'is offered {address}',
  REQUEST: 'asks for {address}',
  ACK: 'gets {address}',
  NAK: 'may not have {address}',
  RELEASE: 'gives {address} back',
  DECLINE: 'refuses {address}: somebody else uses it',
  INFORM: 'has {address} and asks for the rest',
};

export class DnsmasqEvents {
  readonly #parts: Parts;
  readonly #strangers = new Map<string, number>();
  readonly #acknowledged = new Map<string, string>();
  /** By transaction. */
  readonly #vendorClasses = new Map<string, string>();
  readonly #loaderless = new Map<string, ClientTags>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  take(line: string): void {
    this.#parts.log.debug({ line }, 'dnsmasq');
    const entry = parseDnsmasqLine(line);
    if (entry?.kind === 'dhcp') this.#dhcp(entry);
    if (entry?.kind === 'bootfile') this.#bootFile(entry);
    if (entry?.kind === 'vendor') remember(this.#vendorClasses, entry.transaction, entry.vendorClass);
    if (entry?.kind === 'tags' && isLoaderless(entry)) remember(this.#loaderless, entry.transaction, entry);
    if (entry?.kind === 'tftp') void this.#tftp(entry);
    if (entry?.kind === 'warning') this.#parts.log.warn(`dnsmasq: ${entry.message}`);
  }

  #dhcp({ type, mac: client, address, rest, transaction }: DhcpMessage & { transaction: string }): void {
    const mac = this.#parts.plans.macOfClient(client);
    if (rest === 'ignored' && this.#isToldAlready(mac)) return;
    if (type === 'ACK' && address) {
      this.#parts.addresses.learn(address, mac);
      if (transaction) remember(this.#acknowledged, transaction, mac);
    }
    if (type === 'RELEASE' && address) this.#parts.addresses.forget(address);
    const text = (dhcpTexts[type] ?? `DHCP${type}`).replace('{address}', address ?? 'an address');
    // After an ACK stands the host name, after the others the reason.
    const reason =
      rest && type !== 'ACK' && type !== 'OFFER' ? ` (${rest === 'ignored' ? 'ignored: no plan for this MAC' : rest})` : '';
    this.#parts.report({
      kind: 'dhcp',
      mac,
      ...(address && { address }),
      subject: `DHCP${type}`,
      message: text + reason,
      // Firmware and systems are told apart by it.
      ...(type === 'ACK' && { data: { vendor_class: this.#vendorClasses.get(transaction) ?? '' } }),
    });
    if (type === 'ACK') this.#tellLoaderless(mac, transaction);
  }

  /** The ramdisk and installed systems ask too: only firmware gives itself a vendor class of network boot. */
  #tellLoaderless(mac: string, transaction: string): void {
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

  /** dnsmasq names the file with every offer too; what counts is what was acknowledged. */
  #bootFile({ transaction, file }: BootFileChoice): void {
    const mac = this.#acknowledged.get(transaction);
    if (mac === undefined) return;
    this.#acknowledged.delete(transaction);
    const data = { file, vendor_class: this.#vendorClasses.get(transaction) ?? '' };
    this.#parts.report({ kind: 'dhcp', mac, subject: 'boot file', message: `is told to boot ${file}`, data });
  }

  async #tftp({ outcome, address, path, detail }: TftpTransfer): Promise<void> {
    const subject = path && relative(this.#parts.tftpRoot, path);
    const bytes =
      outcome === 'sent'
        ? await stat(path).then(
            ({ size }) => size,
            () => undefined,
          )
        : undefined;
    const messages = {
      sent: `took ${subject} by TFTP`,
      missing: `asked for ${subject} by TFTP, which does not exist`,
      failed: `broke a TFTP transfer off${subject && ` of ${subject}`}${detail ? `: ${detail}` : ''}`,
    };
    if (outcome === 'sent') await this.#tellStranger(subject, address);
    const mac = this.#parts.addresses.macOf(address);
    this.#parts.report({
      kind: 'tftp',
      ...(mac && { mac }),
      address,
      subject: subject || 'TFTP',
      message: messages[outcome],
      data: { outcome, ...(bytes !== undefined && { bytes }) },
    });
  }

  /** dnsmasq asks nobody who they are. What lies there is of use from the machine's own address alone; yet it is told. */
  async #tellStranger(subject: string, address: string): Promise<void> {
    const mac = macOfConfig(subject);
    const plan = mac === undefined ? undefined : this.#parts.plans.ofMac(mac);
    const asker = await this.#parts.addresses.asker(address);
    if (
      !plan ||
      isMachine(
        asker,
        plan.macs.map((entry) => entry.mac),
      )
    )
      return;
    const message = `Another machine at ${nameAsker(asker)} took ${subject} by TFTP; what it names is refused from there`;
    this.#parts.report({ kind: 'tftp', mac: mac as string, address, isStranger: true, subject: 'stranger', message });
  }

  #isToldAlready(mac: string): boolean {
    const now = Date.now();
    if (now - (this.#strangers.get(mac) ?? Number.NEGATIVE_INFINITY) < strangerMs) return true;
    remember(this.#strangers, mac, now);
    return false;
  }
}

/** A plan for an address alone has no loader for anybody. */
function isLoaderless({ tags }: ClientTags): boolean {
  return tags.includes(noLoaderTag) && (tags.includes('ipxe') || tags.includes('pxelinux'));
}

/** Machines choose the keys, so the oldest go. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > rememberedMax && oldest !== undefined) map.delete(oldest);
}
