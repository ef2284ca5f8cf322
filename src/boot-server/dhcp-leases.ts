/**
 * dnsmasq's lease file, and the release of conflicting leases: dnsmasq does not give a fixed address to its owner while
 * another MAC holds a lease on it, and keeps the lease of a removed machine until it expires.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { BootPlan } from '#drivers/interfaces.ts';
import { writeAtomically } from '#files/write-atomically.ts';

export type Lease = {
  /** Empty for an InfiniBand port that sends only its client id. */
  mac: string;
  address: string;
  line: string;
  /** For hardware other than Ethernet: the ARP hardware type and the client id. */
  hardware?: { type: number; clientId: string };
};

export async function readLeases(file: string): Promise<Lease[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => readLease(line) ?? []);
}

/** `20-` precedes the address of an InfiniBand port, which may be empty. */
function readLease(line: string): Lease | undefined {
  const [, hardware = '', address = '', , clientId = ''] = line.split(' ');
  const [, type, mac = ''] = /^(?:([0-9a-f]{2})-)?((?:[0-9a-f]{2}(?::|$))*)$/.exec(hardware) ?? [];
  if (type !== undefined) return { mac, address, line, hardware: { type: Number.parseInt(type, 16), clientId } };
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) ? { mac, address, line } : undefined;
}

/** Leases of MACs without a plan or port, and of addresses assigned to another MAC. */
export function staleLeases(leases: readonly Lease[], plans: readonly Pick<BootPlan, 'macs'>[]): Lease[] {
  const known = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const { mac, address, client_id } of plans.flatMap((plan) => plan.macs)) {
    known.set(mac, mac);
    if (client_id !== undefined) known.set(`id:${client_id}`, mac);
    if (address !== undefined) owners.set(address, mac);
  }
  return leases.filter(({ mac, address, hardware }) => {
    const owner = known.get(`id:${hardware?.clientId}`) ?? known.get(mac);
    return owner === undefined || (owners.get(address) ?? owner) !== owner;
  });
}

/** Removes leases from the file; only while dnsmasq is stopped, since it reads the file once and then overwrites it. */
export async function removeLeases(file: string, leases: readonly Lease[]): Promise<void> {
  const lines = new Set(leases.map(({ line }) => line));
  const text = await readFile(file, 'utf8').catch(() => '');
  const kept = text.split('\n').filter((line) => !lines.has(line));
  await writeAtomically(file, kept.join('\n'), { mode: 0o644 });
}

/** Sends a DHCPRELEASE (RFC 2131, 4.4.6) on behalf of each machine, to dnsmasq at our own address. */
export async function sendReleases(server: string, leases: readonly Lease[]): Promise<void> {
  const socket = createSocket('udp4');
  // An ICMP "unreachable" must not crash the process; the caller checks the effect.
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

/** Ethernet clients are identified by MAC, InfiniBand clients by client id (RFC 4390). */
function releasePacket(server: string, { mac, address, hardware }: Lease): Buffer {
  const chaddr = hexBytes(mac);
  const id = hexBytes(hardware?.clientId ?? '');
  const options = [53, 1, 7, 54, 4, ...bytesOf(server), ...(id.length > 0 ? [61, id.length, ...id] : []), 255];
  const packet = Buffer.alloc(240 + options.length);
  packet.set([1, hardware?.type ?? 1, chaddr.length, 0]); // BOOTREQUEST, hardware type, address length, no hops
  packet.set(bytesOf(address), 12); // ciaddr
  packet.set(chaddr, 28);
  packet.writeUInt32BE(magicCookie, 236);
  packet.set(options, 240); // DHCPRELEASE, server identifier, client id, end
  return packet;
}

function hexBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

function bytesOf(address: string): number[] {
  return address.split('.').map(Number);
}
