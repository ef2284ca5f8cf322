/**
 * dnsmasq's lease file, and the release of leases that are in the way: dnsmasq does not give a fixed address to its
 * owner while another MAC holds a lease on it, and keeps the lease of a machine that is gone until it expires.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { BootPlan } from '#drivers/interfaces.ts';

export type Lease = { mac: string; address: string; line: string };

export async function readLeases(file: string): Promise<Lease[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const [, mac = '', address = ''] = line.split(' ');
    return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) ? [{ mac, address, line }] : [];
  });
}

/** Leases of MACs that no plan knows, and of addresses that are promised to another MAC. */
export function staleLeases(leases: readonly Lease[], plans: readonly BootPlan[]): Lease[] {
  const known = new Set<string>();
  const owners = new Map<string, string>();
  for (const { mac, address } of plans.flatMap((plan) => plan.macs)) {
    known.add(mac);
    if (address !== undefined) owners.set(address, mac);
  }
  return leases.filter(({ mac, address }) => !known.has(mac) || (owners.get(address) ?? mac) !== mac);
}

/** Takes leases out of the file; only while dnsmasq does not run, since it reads the file once and then overwrites it. */
export async function removeLeases(file: string, leases: readonly Lease[]): Promise<void> {
  const lines = new Set(leases.map(({ line }) => line));
  const text = await readFile(file, 'utf8').catch(() => '');
  const kept = text.split('\n').filter((line) => !lines.has(line));
  await writeFile(`${file}.part`, kept.join('\n'));
  await rename(`${file}.part`, file);
}

/** In the machines' stead, a DHCPRELEASE for each lease (RFC 2131, 4.4.6), sent to dnsmasq at our own address. */
export async function sendReleases(server: string, leases: readonly Lease[]): Promise<void> {
  const socket = createSocket('udp4');
  // An answer "unreachable" is no event to die of; the caller looks at the effect.
  socket.on('error', () => {});
  try {
    for (const lease of leases) {
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.send(releasePacket(server, lease), 67, server, () => resolve());
      await promise;
    }
  } finally {
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  }
}

const magicCookie = 0x63825363;

function releasePacket(server: string, { mac, address }: Lease): Buffer {
  const packet = Buffer.alloc(252);
  packet.set([1, 1, 6, 0]); // BOOTREQUEST, Ethernet, 6 bytes of address, no hops
  packet.set(bytesOf(address), 12); // ciaddr
  packet.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 28); // chaddr
  packet.writeUInt32BE(magicCookie, 236);
  packet.set([53, 1, 7, 54, 4, ...bytesOf(server), 255], 240); // DHCPRELEASE, server identifier, end
  return packet;
}

function bytesOf(address: string): number[] {
  return address.split('.').map(Number);
}
