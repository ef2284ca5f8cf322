/**
 * Detects servers whose machine does not start an operating system, from its network requests in the event record; a
 * restart of Ingot therefore loses nothing. See docs/decisions/0023-systems-that-do-not-start.md.
 */
import { Fault, formatFault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Event } from '#store/tables/events.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Server } from '#store/tables/servers.ts';
import { consoleTail, withoutKernelSecrets } from '../consoles/console-text.ts';
import type { Consoles } from '../consoles/consoles.ts';
import type { MachineRequest } from '../nodes/machine-record.ts';
import { withConsole } from '../worker/last-error.ts';

/** This many network boots within this time (milliseconds) without a running system count as a failure. */
export const bootsMax = 5;
const within = 30 * 60_000;
/** Requests within this time belong to one boot, which takes longer (milliseconds). */
const oneBoot = 30_000;
/** Limit of events read: more than a machine's event budget allows in that time. */
const checkedAt = 2000;
const consoleLines = 200;

type Reported = Pick<Event, 'kind' | 'subject' | 'data'>;
const isFirmware = (reported: Reported) => /^(PXE|HTTP)Client/.test(String(reported.data['vendor_class'] ?? ''));

/** The boot loader found no bootable disk (the script of `src/drivers/ipxe/`). */
const reportsOfDisk = ({ kind, subject }: Reported) => kind === 'http' && subject === 'disk failed';
/** A lease for something other than firmware. Events of earlier versions do not record the client. */
const isSystem = (reported: Reported) =>
  reported.kind === 'dhcp' && reported.subject === 'DHCPACK' && 'vendor_class' in reported.data && !isFirmware(reported);
/** Files that firmware loads; with another DHCP server, the script that iPXE then requests. */
const isSentToLoader = (reported: Reported) =>
  reported.kind === 'dhcp' && (reported.subject === 'no loader' || reported.subject === 'boot file') && isFirmware(reported);
const asksForScript = ({ kind, subject }: Reported) => kind === 'http' && subject.startsWith('/boot/ipxe/');

const isSign = (reported: Reported) => [reportsOfDisk, isSystem, isSentToLoader, asksForScript].some((test) => test(reported));

type Watched = { node: Pick<Node, 'uuid' | 'name' | 'inventory'>; server: Server };

export class BootWatch {
  readonly #store: Store;
  readonly #consoles: Pick<Consoles, 'log'>;

  constructor({ store, consoles }: { store: Store; consoles: Pick<Consoles, 'log'> }) {
    this.#store = store;
    this.#consoles = consoles;
  }

  /** Handles a request of a machine that has already been recorded. */
  async consider(request: MachineRequest): Promise<void> {
    const reported = { kind: request.kind, subject: request.subject, data: request.data ?? {} };
    if (request.isOtherMachine || request.mac === undefined || !isSign(reported)) return;
    const watched = await this.#find(request.mac.toLowerCase());
    if (!watched) return;
    if (isSystem(reported)) return this.#recover(watched);
    if (watched.server.vm_state !== 'active') return;
    const fault = await this.#judge(watched, reported);
    if (fault) await this.#write(watched, fault);
  }

  /** Only if no operation is running: requests during an operation belong to it. */
  async #find(mac: string): Promise<Watched | undefined> {
    const { node_ports, nodes, servers } = this.#store;
    const port = await node_ports.find({ address: mac });
    if (!port) return undefined;
    const idle = { uuid: port.node_uuid, operation_id: null, provision_state: 'active' as const };
    const [node] = await nodes.pick(['uuid', 'name', 'inventory', 'instance_uuid'], idle);
    if (!node?.instance_uuid) return undefined;
    const server = await servers.find({ id: node.instance_uuid, task_state: null });
    return server && { node, server };
  }

  async #judge({ node }: Watched, reported: Reported): Promise<Fault | undefined> {
    if (reportsOfDisk(reported) && hasOneDisk(node)) {
      const advice = 'The boot loader of its image is missing, damaged or not for BIOS. Rebuild the server with another image';
      return new Fault('systemNotStarting', { evidence: 'no bootable disk was found', advice });
    }
    const events = await this.#sinceItStarted(node.uuid);
    const boots = events && countBoots(events);
    if (!boots || boots.times.length < bootsMax) return undefined;
    const { times, loader } = boots;
    const first = times.at(-1) ?? '';
    const last = times[0] ?? '';
    const minutes = Math.max(1, Math.round((Date.parse(last) - Date.parse(first)) / 60_000));
    const evidence = `it booted from the network ${times.length} times in ${minutes} min (last at ${last}, by ${loader}) without an operating system requesting an address in between`;
    const advice =
      'Its operating system crashes during boot, or its firmware finds no suitable boot loader on the disk; see the console log. Rebuild the server with another image';
    return new Fault('systemNotStarting', { evidence, advice });
  }

  /** Newest first; undefined while an operation is running. Maintenance counts as an operation. */
  async #sinceItStarted(node_uuid: string): Promise<Event[] | undefined> {
    const { operations, events } = this.#store;
    const [last] = await operations.list({ node_uuid }, { orderBy: 'created_at', descending: true, limit: 1 });
    if (last && last.ended_at === null) return undefined;
    const since = Math.max(Date.now() - within, Date.parse(last?.ended_at ?? '') || 0);
    const recent = await events.list({ node_uuid, descending: true, limit: checkedAt });
    const start = recent.findIndex((event) => Date.parse(event.at) < since || event.kind === 'power' || isSystem(event));
    return start < 0 ? recent : recent.slice(0, start);
  }

  async #write({ node, server }: Watched, fault: Fault): Promise<void> {
    const at = new Date().toISOString();
    const text = await this.#consoles.log(node.uuid, consoleLines).catch(() => null);
    const lines = consoleTail(withoutKernelSecrets(text ?? ''));
    const record = { ...fault.toRecord(), at, node: { uuid: node.uuid, name: node.name } };
    const console = lines.length > 0 && { console: lines.join('\n') };
    const isWritten = await this.#change({ node, server }, async (trx) => {
      await trx.servers.update({ id: server.id }, { vm_state: 'error', fault: { ...record, ...console }, updated_at: at });
      await trx.nodes.update({ uuid: node.uuid }, { last_error: withConsole(formatFault(fault), lines) });
    });
    if (isWritten) this.#report({ node, server }, fault.message);
  }

  async #recover({ node, server }: Watched): Promise<void> {
    if (server.vm_state !== 'error' || server.fault?.code !== 'systemNotStarting') return;
    const updated_at = new Date().toISOString();
    const isWritten = await this.#change({ node, server }, async (trx) => {
      await trx.servers.update({ id: server.id }, { vm_state: 'active', fault: null, updated_at });
      await trx.nodes.update({ uuid: node.uuid }, { last_error: null });
    });
    if (isWritten) this.#report({ node, server }, 'Its operating system has requested an address, so it does boot');
  }

  /** Only if neither row has changed since it was read. */
  #change({ node, server }: Watched, write: (trx: Store) => Promise<void>): Promise<boolean> {
    const { id, vm_state } = server;
    return this.#store.transaction(async (trx) => {
      const [same] = await trx.nodes.pick(['uuid'], { uuid: node.uuid, operation_id: null, instance_uuid: id });
      if (!same || !(await trx.servers.find({ id, vm_state, task_state: null }))) return false;
      await write(trx);
      return true;
    });
  }

  #report({ node, server }: Watched, message: string): void {
    this.#store.events.append({ kind: 'note', node_uuid: node.uuid, server_id: server.id, subject: 'system', message });
  }
}

/** iPXE tries only the first BIOS disk; with several, the firmware may go on to the one with the system. */
function hasOneDisk({ inventory }: Pick<Node, 'inventory'>): boolean {
  const disks = inventory?.['disks'];
  return Array.isArray(disks) && disks.length === 1;
}

/**
 * One boot may try several NICs, each in several ways (PXE, HTTP): the most frequent one counts.
 * @param events newest first
 * @returns the times of its boots, newest first
 */
function countBoots(events: readonly Event[]): { times: string[]; loader: string } | undefined {
  const sent = events.filter(isSentToLoader);
  const visits = sent.length > 0 ? sent : events.filter(asksForScript);
  const byWay = Map.groupBy(visits, ({ subject, data }) => `${data['mac']} ${subject} ${data['file']}`);
  const counted = [...byWay.values()].map((group) => ({
    times: timesApart(group.map(({ at }) => at)),
    loader: loaderOf(String(group[0]?.data['file'] ?? '')),
  }));
  return counted.sort((left, right) => right.times.length - left.times.length)[0];
}

/** The file name only: the path or URL before it belongs to the provisioning network. */
function loaderOf(file: string): string {
  return /(?:^|\/)([\w.-]+\.(?:0|efi|kpxe))$/.exec(file)?.[1] ?? 'iPXE';
}

function timesApart(newestFirst: readonly string[]): string[] {
  const kept: string[] = [];
  for (const at of newestFirst) {
    const last = kept.at(-1);
    if (last === undefined || Date.parse(last) - Date.parse(at) >= oneBoot) kept.push(at);
  }
  return kept;
}
