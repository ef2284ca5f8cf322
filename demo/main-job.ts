/** The main job of an operator, through public APIs only: enrol, upload, create flavor, network and server, log in. */
import { execFile } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { pause } from '#async/timers.ts';
import type { CloudClient, CloudEvent } from './cloud-client.ts';

export const runProgram = promisify(execFile);

/** What an operator knows of a machine before enrolling it. */
export type EnrolFacts = {
  name: string;
  mac: string;
  bmc: { address: string; port: number; user: string; password: string };
  /** The BMC's Redfish address and certificate fingerprint; absent = IPMI. */
  redfish?: { address: string; system_id: string; fingerprint: string };
  cpus: number;
  memory_mb: number;
  local_gb: number;
  firmware?: 'bios' | 'uefi';
  /** File in which the console server logs the machine's serial output. */
  console_file?: string;
};

/** enroll → manage (verifies the BMC) → provide. Returns the node's UUID. */
export async function enrolNode(cloud: CloudClient, facts: EnrolFacts): Promise<string> {
  const node = await cloud.bareMetal<{ uuid: string }>('/nodes', {
    method: 'POST',
    body: {
      name: facts.name,
      driver: facts.redfish ? 'redfish' : 'ipmi',
      driver_info: {
        ...bmcInfo(facts),
        ...(facts.console_file && { console_file: facts.console_file }),
      },
      properties: {
        ...{ cpus: facts.cpus, memory_mb: facts.memory_mb, local_gb: facts.local_gb, cpu_arch: 'x86_64' },
        ...(facts.firmware && { capabilities: `boot_mode:${facts.firmware}` }),
      },
      resource_class: 'baremetal',
    },
  });
  await cloud.bareMetal('/ports', { method: 'POST', body: { node_uuid: node.uuid, address: facts.mac } });
  for (const [verb, state] of [
    ['manage', 'manageable'],
    ['provide', 'available'],
  ] as const) {
    await cloud.bareMetal(`/nodes/${node.uuid}/states/provision`, { method: 'PUT', body: { target: verb } });
    await untilNode(cloud, node.uuid, state);
  }
  return node.uuid;
}

/** The BMC's certificate is self-signed, so it is pinned. */
function bmcInfo({ bmc, redfish }: EnrolFacts): Record<string, unknown> {
  if (!redfish) {
    return { ipmi_address: bmc.address, ipmi_port: bmc.port, ipmi_username: bmc.user, ipmi_password: bmc.password };
  }
  return {
    redfish_address: redfish.address,
    redfish_system_id: redfish.system_id,
    redfish_fingerprint: redfish.fingerprint,
    redfish_username: bmc.user,
    redfish_password: bmc.password,
  };
}

type NodeView = {
  provision_state: string;
  last_error: string | null;
  power_state: string | null;
  maintenance_reason: string | null;
};

/** Waits for a provision state; a failure state ends the wait with the node's error message. */
export async function untilNode(cloud: CloudClient, uuid: string, state: string, timeoutMs = 300_000): Promise<NodeView> {
  const deadline = Date.now() + timeoutMs;
  let seen: NodeView;
  do {
    seen = await cloud.bareMetal<NodeView>(`/nodes/${uuid}`);
    if (seen.provision_state === state) return seen;
    if (seen.last_error) throw new Error(`node ${uuid} is ${seen.provision_state}: ${seen.last_error}`);
    await pause(200);
  } while (Date.now() < deadline);
  throw new Error(`node ${uuid} is still ${seen.provision_state} after ${timeoutMs / 1000} s, not ${state}`);
}

export type ImageUpload = {
  name: string;
  path: string;
  disk_format: string;
  container_format: string;
  properties?: Record<string, string>;
};

export async function uploadImage(cloud: CloudClient, upload: ImageUpload): Promise<string> {
  const { name, path, disk_format, container_format, properties } = upload;
  const image = await cloud.call<{ id: string }>('/image/v2/images', {
    method: 'POST',
    body: { name, disk_format, container_format, visibility: 'public', ...properties },
  });
  await cloud.call(`/image/v2/images/${image.id}/file`, {
    method: 'PUT',
    body: (await openAsBlob(path)).stream(),
    headers: { 'content-type': 'application/octet-stream', 'content-length': String((await stat(path)).size) },
    timeoutMs: 600_000,
  });
  return image.id;
}

export async function createFlavor(cloud: CloudClient, name: string, extra: Record<string, string>): Promise<string> {
  const body = { flavor: { name, vcpus: 1, ram: 512, disk: 6, 'OS-FLV-EXT-DATA:ephemeral': 0, swap: 256 } };
  const { flavor } = await cloud.compute<{ flavor: { id: string } }>('/flavors', { method: 'POST', body });
  await cloud.compute(`/flavors/${flavor.id}/os-extra_specs`, { method: 'POST', body: { extra_specs: extra } });
  return flavor.id;
}

export type NetworkFacts = { cidr: string; gateway: string; first: string; last: string };

export async function createNetwork(cloud: CloudClient, name: string, facts: NetworkFacts): Promise<string> {
  const { network } = await cloud.call<{ network: { id: string } }>('/network/v2.0/networks', {
    method: 'POST',
    body: { network: { name, 'provider:network_type': 'flat', 'provider:physical_network': 'provisioning' } },
  });
  const pool = { start: facts.first, end: facts.last };
  await cloud.call('/network/v2.0/subnets', {
    method: 'POST',
    body: {
      subnet: {
        name: `${name}-v4`,
        network_id: network.id,
        ip_version: 4,
        cidr: facts.cidr,
        gateway_ip: facts.gateway,
        allocation_pools: [pool],
      },
    },
  });
  return network.id;
}

export async function importKeypair(cloud: CloudClient, name: string, publicKey: string): Promise<void> {
  await cloud.compute('/os-keypairs', { method: 'POST', body: { keypair: { name, type: 'ssh', public_key: publicKey } } });
}

export type ServerRequest = {
  name: string;
  imageId: string;
  flavorId: string;
  networkId: string;
  keyName: string;
  userData?: string;
};

export async function createServer(cloud: CloudClient, request: ServerRequest): Promise<string> {
  const { server } = await cloud.compute<{ server: { id: string } }>('/servers', {
    method: 'POST',
    body: {
      server: {
        name: request.name,
        imageRef: request.imageId,
        flavorRef: request.flavorId,
        key_name: request.keyName,
        networks: [{ uuid: request.networkId }],
        config_drive: true,
        ...(request.userData && { user_data: Buffer.from(request.userData).toString('base64') }),
      },
    },
  });
  return server.id;
}

export type ServerView = {
  id: string;
  name: string;
  status: string;
  addresses: Record<string, { addr: string }[]>;
  fault?: { message: string; details?: string };
  'OS-EXT-SRV-ATTR:hypervisor_hostname'?: string;
};

export async function showServer(cloud: CloudClient, id: string): Promise<ServerView> {
  return (await cloud.compute<{ server: ServerView }>(`/servers/${id}`)).server;
}

/** Passes on each event until the server has left BUILD; returns all of them and the server's final record. */
export async function followServer(
  cloud: CloudClient,
  id: string,
  show: (event: CloudEvent) => void,
): Promise<{ events: CloudEvent[]; server: ServerView }> {
  const events: CloudEvent[] = [];
  for (;;) {
    const fresh = await cloud.serverEvents(id, events.at(-1)?.id ?? 0, 20);
    for (const event of fresh) show(event);
    events.push(...fresh);
    if (fresh.length > 0 && !fresh.some((event) => event.kind === 'operation')) continue;
    const server = await showServer(cloud, id);
    if (server.status !== 'BUILD') return { events, server };
  }
}

export type SshTarget = {
  address: string;
  user: string;
  keyFile: string;
  knownHosts: string;
  namespace: string;
  /** Ends the attempts. */
  signal?: AbortSignal;
};

/** Logs in and runs a command as soon as the machine accepts SSH. Retries often, since sshd may come up at any time. */
export async function runBySsh(target: SshTarget, command: string, timeoutMs: number): Promise<string> {
  const deadline = Date.now() + timeoutMs;
  let reason = '';
  while (Date.now() < deadline) {
    target.signal?.throwIfAborted();
    try {
      const { stdout } = await runProgram('ip', ['netns', 'exec', target.namespace, 'ssh', ...sshOptions(target), command], {
        timeout: 30_000,
      });
      return stdout;
    } catch (error) {
      reason = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
      await pause(1000);
    }
  }
  throw new Error(`no SSH login to ${target.user}@${target.address} within ${timeoutMs / 1000} s: ${reason}`);
}

export function sshOptions({ address, user, keyFile, knownHosts }: SshTarget): string[] {
  const options = [
    'BatchMode=yes',
    'ConnectTimeout=5',
    'StrictHostKeyChecking=accept-new',
    `UserKnownHostsFile=${knownHosts}`,
    'LogLevel=ERROR',
  ];
  return ['-i', keyFile, ...options.flatMap((option) => ['-o', option]), `${user}@${address}`];
}
