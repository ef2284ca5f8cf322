/** Diagnoses from event records: the stated cause never contradicts the record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootSigns, type Sign } from './boot-signs.ts';
import { explain, type Facts, reportSilence, summarize } from './diagnosis.ts';

let clock = 0;
const sign = (kind: Sign['kind'], subject: string, message: string, data: Sign['data'] = {}): Sign => ({
  ...{ kind, subject, message, data },
  at: new Date(Date.UTC(2026, 0, 1) + ++clock * 1000).toISOString(),
});

const bios = { vendor_class: 'PXEClient:Arch:00000:UNDI:002001' };
const ipxe = { ...bios, user_class: 'iPXE' };
const udhcp = { vendor_class: 'udhcp 1.35.0' };
const address = '172.31.9.11';

const dhcp = (type: string, message: string, data: Sign['data'] = {}) => sign('dhcp', `DHCP${type}`, message, data);
const discover = (client: Sign['data'] = bios, reason?: string) =>
  dhcp('DISCOVER', 'sent DHCPDISCOVER', { ...client, ...(reason && { reason }) });
const offer = () => dhcp('OFFER', `is offered ${address}`, { ...bios, address });
const ack = (client: Sign['data'] = bios) => dhcp('ACK', `gets ${address}`, { ...client, address });
const nak = (reason: string) =>
  dhcp('NAK', `may not have 172.31.9.150 (${reason})`, { ...bios, reason, address: '172.31.9.150' });
const address_ = (client: Sign['data'] = bios) => [discover(client), offer(), ack(client)];
const tftp = (subject: string, outcome: string) => sign('tftp', subject, `${outcome} ${subject} by TFTP`, { outcome });
const begins = (subject: string) => sign('http', subject, `started fetching ${subject} over HTTP`, { total: 100 });
const took = (subject: string) =>
  sign('http', subject, `fetched ${subject} over HTTP: 100 bytes`, { bytes: 100, total: 100, complete: true });
const broke = (subject: string) =>
  sign('http', subject, `aborted ${subject} over HTTP after 50 of 100 bytes`, { bytes: 50, total: 100, complete: false });
const script = () => sign('http', '/boot/ipxe/52:54:00:aa:00:01', 'fetched its boot script over HTTP: 400 bytes', { bytes: 400 });
const kernel = '/boot/files/server-1/deploy_kernel';
const ramdisk = '/boot/files/server-1/deploy_ramdisk';
const fetched = (path: string) => [begins(path), took(path)];

const loader = () => [...address_(), tftp('undionly.kpxe', 'sent')];
const scripted = () => [...loader(), ...address_(ipxe), script()];
const booted = () => [...scripted(), ...fetched(kernel), ...fetched(ramdisk)];
const refusal = (subject: string) =>
  sign('note', subject, 'Another machine at 10.0.0.9 presented the agent token of this operation; it was refused');
const hello = () => sign('agent', 'hello', 'The ramdisk reports, 9.1 s after its kernel started');

type Case = { signs: Sign[]; facts?: Facts; seen?: RegExp; cause: RegExp; not?: RegExp };

/** The earlier diagnosis of each: one of four sentences, chosen by event kinds alone. */
const driver = /driver for the NIC/;
const silentMacs = /Nothing was heard/;

const table: Readonly<Record<string, () => Case>> = {
  'nothing was heard': () => ({ signs: [], seen: /^nothing from this machine$/, cause: silentMacs }),
  'nothing was heard, and its BMC says that it is on': () => ({
    signs: [],
    facts: { power: 'power on' },
    seen: /its BMC says "power on"/,
    cause: /Nothing was heard.*The machine is on, as its BMC says: it may have booted something else/,
  }),
  'the machine is off': () => ({
    signs: booted(),
    facts: { power: 'power off' },
    seen: /fetched .*deploy_ramdisk.*; its BMC says "power off"/,
    cause: /^The machine is off, as its BMC says/,
    not: driver,
  }),
  'it asks and is never offered anything': () => ({
    signs: [discover()],
    cause: /asked for an address.*no offer followed/,
    not: /TFTP/,
  }),
  'an offer that it does not take': () => ({
    signs: [discover(), offer(), discover(), offer()],
    cause: /was offered 172\.31\.9\.11 and never asked for it/,
    not: /TFTP/,
  }),
  'another DHCP server, known by the refusal of its lease': () => ({
    signs: [discover(), offer(), dhcp('REQUEST', 'asks for 172.31.9.150', bios), nak('wrong server-ID')],
    seen: /wrong server-ID/,
    cause:
      /^Another DHCP server answers on the provisioning network: the machine took its offer of 172\.31\.9\.150.*wrong server-ID, once/,
    not: /TFTP/,
  }),
  'a refusal of an old lease is none of another server': () => ({
    signs: [dhcp('REQUEST', 'asks for 10.9.9.9', bios), nak('wrong network'), ...address_()],
    cause: /got its address from here and never asked for its boot file/,
  }),
  'another DHCP server that was got over': () => ({
    signs: [discover(), nak('wrong server-ID'), ...loader(), ...address_(ipxe), script()],
    cause: /took its boot script and never asked for the kernel/,
    not: /Another DHCP server answers/,
  }),
  'another DHCP server that the ramdisk may have met': () => ({
    signs: [discover(), nak('wrong server-ID'), ...booted()],
    cause: /Another DHCP server answers/,
  }),
  'a NIC that is not to boot': () => ({
    signs: [discover({ ...bios, mac: '52:54:00:aa:00:02' }, 'ignored')],
    cause: /through the NIC 52:54:00:aa:00:02, which has a port of this node that is not to boot: set pxe_enabled/,
    not: /dnsmasq had none/,
  }),
  'a ramdisk that asks through a second NIC': () => ({
    signs: [...booted(), discover({ ...udhcp, mac: '52:54:00:aa:00:02' }, 'ignored')],
    cause: /Kernel and ramdisk were taken/,
  }),
  'no address left': () => ({
    signs: [discover(bios, 'no address available')],
    cause: /dnsmasq had none for it \(no address available\)\. Where the pool is exhausted/,
    not: /TFTP/,
  }),
  'its fixed address is leased to another': () => ({
    signs: [
      sign('dhcp', 'dnsmasq', 'dnsmasq: x', {
        complaint: 'not using configured address 172.31.9.11 because it is leased to 52:54:00:aa:00:09',
      }),
      discover(bios, 'no address available'),
    ],
    cause: /not using configured address 172\.31\.9\.11 because it is leased to 52:54:00:aa:00:09\. /,
  }),
  'its address is in use on the wire': () => ({
    signs: [...address_(), dhcp('DECLINE', `refuses ${address}: somebody else uses it`, { ...bios, address })],
    cause: /Another machine on the network uses 172\.31\.9\.11/,
  }),
  'no range': () => ({
    signs: [
      sign('dhcp', 'dnsmasq', 'dnsmasq: no address range available for DHCP request via br0', { complaint: 'no address range' }),
    ],
    cause:
      /^The boot server had trouble: dnsmasq: no address range available for DHCP request via br0\. Its log has more\. If that is over: /,
  }),
  'dnsmasq died': () => ({
    signs: [sign('dhcp', 'dnsmasq', 'dnsmasq (DHCP) ended (SIGKILL); it is started again')],
    cause: /^The boot server had trouble: dnsmasq \(DHCP\) ended/,
  }),
  'an address, and no request for a file': () => ({
    signs: address_(),
    seen: /^gets 172\.31\.9\.11 /,
    cause: /never asked for its boot file: TFTP \(UDP port 69\)/,
  }),
  'no loader for its firmware': () => ({
    signs: [
      ...address_(),
      sign('dhcp', 'no loader', 'gets nothing to boot, as there is no loader for its firmware (PXEClient:Arch:00011): x'),
    ],
    cause: /The machine gets nothing to boot, as there is no loader/,
    not: /port 69/,
  }),
  'the installed system booted': () => ({
    signs: address_(udhcp),
    cause: /an operating system asked for the address \(vendor class udhcp 1\.35\.0\).*booted from its own disk/,
    not: /TFTP/,
  }),
  'the loader was asked for its size alone': () => ({
    signs: [...address_(), tftp('undionly.kpxe', 'ended')],
    cause: /transfer of the boot loader began and did not end/,
    not: driver,
  }),
  'the loader broke off': () => ({
    signs: [...address_(), tftp('undionly.kpxe', 'ended'), tftp('undionly.kpxe', 'failed')],
    cause: /failed undionly\.kpxe by TFTP \(once\): packets are lost/,
    not: driver,
  }),
  'a file that is not there': () => ({
    signs: [...address_(), tftp('bootx64.efi', 'missing')],
    cause: /missing bootx64\.efi by TFTP.*another DHCP or proxy DHCP server sent the machine there/,
    not: driver,
  }),
  'the names that pxelinux tries first': () => ({
    signs: [
      ...address_(),
      tftp('pxelinux.0', 'sent'),
      tftp('pxelinux.cfg/4c4c4544-0000', 'missing'),
      tftp('autoexec.ipxe', 'missing'),
    ],
    cause: /took pxelinux and not its configuration/,
  }),
  'iPXE runs and gets no script': () => ({ signs: loader(), cause: /took iPXE and not its script/, not: /kernel may/ }),
  'the loader runs again and again': () => ({
    signs: [...loader(), ...loader(), ...loader()],
    cause: /boot loader was taken and the machine then began its boot anew \(2 times\)/,
  }),
  'a script and no kernel': () => ({ signs: scripted(), cause: /never asked for the kernel/, not: driver }),
  'a kernel that is still on its way': () => ({
    signs: [...scripted(), begins(kernel)],
    seen: /started fetching .*deploy_kernel/,
    cause: /transfer of the kernel began and did not end/,
    not: driver,
  }),
  'a kernel that broke off': () => ({
    signs: [...scripted(), begins(kernel), broke(kernel)],
    cause: /aborted .*deploy_kernel.*50 of 100/,
    not: driver,
  }),
  'a kernel that the loader does not take': () => ({
    signs: [...scripted(), ...fetched(kernel)],
    cause: /took the kernel and never asked for the ramdisk: the boot loader did not accept the kernel/,
    not: driver,
  }),
  'and starts over with it': () => ({
    signs: [...scripted(), ...fetched(kernel), script(), ...fetched(kernel), script()],
    cause: /took the kernel and then began anew \(2 times\): the kernel file is damaged/,
    not: driver,
  }),
  'a ramdisk that is still on its way': () => ({
    signs: [...scripted(), ...fetched(kernel), begins(ramdisk)],
    cause: /transfer of the ramdisk began and did not end/,
    not: driver,
  }),
  'the same by TFTP': () => ({
    signs: [
      ...address_(),
      tftp('pxelinux.0', 'sent'),
      tftp('pxelinux.cfg/01-52-54-00-aa-00-01', 'sent'),
      tftp('server-1/deploy_kernel', 'sent'),
      tftp('server-1/deploy_ramdisk', 'begun'),
    ],
    cause: /transfer of the ramdisk began and did not end/,
    not: driver,
  }),
  'kernel and ramdisk, and silence': () => ({ signs: booted(), cause: /Kernel and ramdisk were taken.*driver for the NIC/ }),
  'kernel and ramdisk, and firmware again': () => ({
    signs: [...booted(), ...address_()],
    seen: /^gets 172\.31\.9\.11 .*; before, it fetched .*deploy_ramdisk/,
    cause: /took kernel and ramdisk and then began its boot anew \(once\)/,
    not: driver,
  }),
  'a ramdisk with an address, whose agent is not heard': () => ({
    signs: [...booted(), ...address_(udhcp)],
    cause: /The ramdisk runs and got its address from here, and its agent never reported/,
    not: driver,
  }),
  'an agent that was refused': () => ({
    signs: [...booted(), refusal('other machine')],
    cause: /its agent was refused: Another machine at 10\.0\.0\.9/,
    not: driver,
  }),
  'an agent that a former version refused': () => ({
    signs: [...booted(), refusal('stranger')],
    cause: /its agent was refused: Another machine at 10\.0\.0\.9/,
    not: driver,
  }),
  'an agent that fell silent': () => ({ signs: [...booted(), hello()], cause: /was alive and fell silent/, not: /switched off/ }),
  'an agent that is still at work': () => ({
    signs: [...booted(), hello()],
    facts: { silentSeconds: 3, power: 'power on' },
    cause: /still answers, so the machine is at work/,
    not: /fell silent/,
  }),
};

for (const [name, make] of Object.entries(table)) {
  test(name, () => {
    const { signs, facts, seen, cause, not } = make();
    const reported = explain(BootSigns.of(signs), facts);
    assert.match(reported.cause, cause);
    if (seen) assert.match(reported.seen, seen);
    if (not) assert.doesNotMatch(reported.cause, not);
  });
}

test('records each unknown MAC once, up to a limit, until the machine itself is heard', () => {
  const signs = new BootSigns();
  const reported = Array.from({ length: 20 }, (_, index) => signs.takeUnknownMac(`52:54:00:00:00:${10 + index}`, 'x'));
  assert.equal(reported.filter(Boolean).length, 8);
  assert.equal(signs.takeUnknownMac('52:54:00:00:00:10', 'x'), false);
  assert.match(explain(signs).cause, /others asked for an address meanwhile: x;.*correct the MAC of its port/);
  assert.match(summarize(signs), /unknown ones asked: 52:54:00:00:00:10, /);

  const heard = BootSigns.of([discover()]);
  assert.equal(heard.takeUnknownMac('52:54:00:00:00:10', 'x'), false);
});

test('reports a silent agent with the power state from the BMC', () => {
  assert.equal(reportSilence(60), 'the agent fell silent 60 s ago');
  assert.match(reportSilence(60, 'power off'), /^the agent fell silent 60 s ago; the machine is off, as its BMC says/);
  assert.match(reportSilence(60, 'power on'), /^the agent fell silent 60 s ago; the machine is on, as its BMC says/);
});
