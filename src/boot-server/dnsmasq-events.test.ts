/** Whose record dnsmasq's complaints are in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DnsmasqEvents } from './dnsmasq-events.ts';
import type { MachineAddresses } from './machine-addresses.ts';
import type { Report } from './parts.ts';
import type { Plans } from './plans.ts';

type Reported = Parameters<Report>[0];

function eventsAnd() {
  const [reports, logged]: [Reported[], string[]] = [[], []];
  const addresses = { learn() {}, forget() {}, macOf: () => undefined } as unknown as MachineAddresses;
  const plans = { macOfClient: (client: string) => client, ownerOf: () => undefined } as unknown as Plans;
  const log = { debug() {}, warn: (message: string) => logged.push(message) } as never;
  const report = (entry: Reported) => void reports.push(entry);
  const events = new DnsmasqEvents({ addresses, plans, report, log, tftpRoot: '/srv/tftp' });
  return { events, reports, logged };
}

test('options of a port that do not fit into its messages are no trouble of other machines', () => {
  const { events, reports, logged } = eventsAnd();
  const complaint = 'cannot send DHCP/BOOTP option 17: no space left in packet';
  const exchange = (mac: string) => [`77 DHCPACK(prov0) 10.0.0.9 ${mac} host-9`, complaint, complaint.replace('17', '18')];
  const [one, other] = ['52:54:00:00:00:01', '52:54:00:00:00:02'];
  for (const line of [...exchange(one), ...exchange(one), ...exchange(other)]) events.take(`dnsmasq-dhcp[7]: ${line}`);
  const complaints = reports.filter(({ subject }) => subject === 'dnsmasq');
  assert.deepEqual(
    complaints.map(({ mac, concernsWaiting, message }) => [mac, concernsWaiting, message]),
    [one, other].map((mac) => [mac, undefined, `dnsmasq: ${complaint}`]),
  );
  assert.equal(logged.length, 2, 'once for each machine, whatever the number of options');
});

test('trouble of all is in the record of every waiting machine', () => {
  const { events, reports } = eventsAnd();
  events.take('dnsmasq-dhcp[7]: no such line');
  events.take('dnsmasq-dhcp[7]: failed to create helper: no memory');
  assert.deepEqual(
    reports.map(({ mac, concernsWaiting }) => [mac, concernsWaiting]),
    [[undefined, true]],
  );
});
