/** Finds the paths of a node's system, chassis and managers on its BMC, and caches them. */
import { Fault, type FaultCode } from '#domain/faults.ts';
import type { RedfishService } from '#wire/redfish/client.ts';
import { linkOf } from '#wire/redfish/links.ts';
import { isObject } from '#wire/redfish/messages.ts';
import { type Json, RedfishError, type RedfishReply, type Resource, unusableReplies } from '#wire/redfish/redfish-client.ts';
import type { CallOptions, NodeFacts } from '../interfaces.ts';
import type { AskRedfish, RedfishCall } from './ask-redfish.ts';
import { readRedfishSettings } from './properties.ts';
import { type Make, type Tolerance, tolerancesFor } from './quirks.ts';
import { pagesOf, type Reader } from './reading.ts';
import { samePath } from './resource-fields.ts';

export type SystemPaths = {
  /** Path of the ComputerSystem. */
  readonly system: string;
  /** Paths of the Chassis that contain it, nearest first; may be empty. */
  readonly chassis: readonly string[];
  /** Paths of the Managers that manage it, the BMC first; may be empty. */
  readonly managers: readonly string[];
  readonly make: Make;
  readonly tolerances: ReadonlySet<Tolerance>;
};

/** Context of a call on one system. Pass `callOptions` to each request. */
export type SystemContext = {
  readonly node: NodeFacts;
  readonly client: RedfishService;
  readonly paths: SystemPaths;
  readonly callOptions: CallOptions;
  /** Reads the ComputerSystem, uncached. */
  system(): Promise<RedfishReply>;
};

/** Like AskRedfish, with the system's paths. A 404 from the BMC invalidates the cached paths. */
export type WithSystem = <T>(question: RedfishCall, work: (at: SystemContext) => Promise<T>) => Promise<T>;

export const rootPath = '/redfish/v1/';
/** Faults of a BMC whose systems do not show which one is meant: also of one that is starting. */
const unclear: readonly FaultCode[] = ['bmcMalformedReply', 'driverInfo'];
/** Maximum number of links of one machine, or of systems of one BMC, because they are cached. */
const mostLinks = 1000;
/** Maximum number of members read to find those of a system. */
const mostRelated = 50;

export function createWithSystem(ask: AskRedfish): WithSystem {
  const systems = new KnownSystems(ask);
  return (question, work) => systems.with(question, work);
}

/** `isGone`: the BMC has returned 404 since. The system may return, as the BMC may only be booting: iDRAC, OpenBMC. */
type Known = { readonly key: string; readonly paths: SystemPaths; readonly isGone: boolean };

class KnownSystems {
  readonly #ask: AskRedfish;
  /** By the node's UUID. */
  readonly #known = new Map<string, Known>();

  constructor(ask: AskRedfish) {
    this.#ask = ask;
  }

  with<T>(question: RedfishCall, work: (at: SystemContext) => Promise<T>): Promise<T> {
    return this.#ask(question, async (client) => {
      const { node, callOptions = {} } = question;
      const { systemPath, address } = readRedfishSettings(node);
      const key = `${client.peer.url} ${systemPath ?? ''}`;
      const paths = await this.#pathsOf(key, { node, client, systemPath, address, callOptions });
      try {
        return await work({ node, client, paths, callOptions, system: () => client.get(paths.system, callOptions) });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        this.#known.set(node.uuid, { key, paths, isGone: true });
        throw error.request === `GET ${paths.system}` ? gone(address, '404 Not Found', error) : error;
      }
    });
  }

  /** @param key of the BMC and the settings by which the paths are found */
  async #pathsOf(key: string, finding: Finding): Promise<SystemPaths> {
    const { node, address } = finding;
    const former = this.#known.get(node.uuid);
    const remembered = former?.key === key ? former : undefined;
    if (remembered?.isGone === false) return remembered.paths;
    try {
      const paths = await findSystemPaths(finding);
      this.#known.set(node.uuid, { key, paths, isGone: false });
      return paths;
    } catch (error) {
      const isMissing = isNotFound(error) || (error instanceof Fault && unclear.includes(error.code));
      throw remembered && isMissing ? gone(address, 'the system it had before is missing', error) : error;
    }
  }
}

function gone(address: string, detail: string, error: unknown): Fault {
  return new Fault('bmcNotReady', { address, command: 'GET of its system', detail }, error);
}

function isNotFound(error: unknown): error is RedfishError {
  return error instanceof RedfishError && error.status === 404;
}

type Finding = {
  node: NodeFacts;
  client: RedfishService;
  systemPath: string | undefined;
  address: string;
  callOptions: CallOptions;
};

async function findSystemPaths(finding: Finding): Promise<SystemPaths> {
  const { client, systemPath, callOptions } = finding;
  const { body: root } = await client.get(rootPath, callOptions);
  const path = systemPath ?? (await findOnlySystem(root, finding));
  const { body: system } = await client.get(path, callOptions);
  const [chassis, managers] = [linked(system, 'Chassis'), linked(system, 'ManagedBy')];
  const holder = { collection: root['Chassis'], link: 'ComputerSystems', system: path };
  const manager = { collection: root['Managers'], link: 'ManagerForServers', system: path };
  const paths = {
    system: path,
    chassis: chassis.length > 0 ? chassis : await findRelated(holder, finding),
    managers: managers.length > 0 ? managers : await findRelated(manager, finding),
  };
  const make = await readMake(root, system, { ...finding, manager: paths.managers[0] });
  return { ...paths, make, tolerances: tolerancesFor(make) };
}

async function findOnlySystem(root: Resource, finding: Finding): Promise<string> {
  const { node, address } = finding;
  const collection = linkOf(root['Systems']) ?? '/redfish/v1/Systems';
  const members = await memberLinks(finding, collection);
  const switchable = members.length > 1 ? await findSwitchable(members, finding) : members;
  if (switchable.length === 1) return switchable[0] as string;
  if (members.length === 0)
    throw new Fault('bmcMalformedReply', { address, command: `GET ${collection}`, detail: 'it has no system' });
  const names = members.slice(0, 20).join(', ');
  const detail = `the BMC at ${address} has ${members.length} systems; set redfish_system_id to one of: ${names}`;
  throw new Fault('driverInfo', { node: node.name ?? node.uuid, detail });
}

/** GPU baseboards appear as systems beside the server, without a reset action: DGX H100, GH200, GB200. */
async function findSwitchable(systems: readonly string[], { client, callOptions }: Finding): Promise<string[]> {
  const found: string[] = [];
  for (const path of systems.slice(0, mostRelated)) {
    const { body } = await client.get(path, callOptions).catch(nothingThere);
    if (isObject(body['Actions']) && '#ComputerSystem.Reset' in body['Actions']) found.push(path);
  }
  return found;
}

/** `link`: the name of the link from a member to its systems. */
type Relation = { readonly collection: Json | undefined; readonly link: string; readonly system: string };

/**
 * Chassis or managers of a system that links none: the only one that exists, those that link the system, or one of the
 * same name. On HPE Cray EX node cards only the manager links systems, and chassis and system have the same name.
 */
async function findRelated({ collection, link, system }: Relation, { client, callOptions }: Reader): Promise<string[]> {
  const path = linkOf(collection);
  if (path === undefined) return [];
  const members = await memberLinks({ client, callOptions }, path).catch((error) => linksIn(nothingThere(error).body['Members']));
  if (members.length < 2) return members;
  const related: string[] = [];
  for (const member of members.slice(0, mostRelated)) {
    const { body } = await client.get(member, callOptions).catch(nothingThere);
    if (linked(body, link).some((other) => samePath(other, system))) related.push(member);
  }
  return related.length > 0 ? related : members.filter((member) => lastPart(member) === lastPart(system));
}

function lastPart(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) ?? '';
}

async function readMake(root: Resource, system: Resource, at: Finding & { manager: string | undefined }): Promise<Make> {
  const { client, callOptions, manager } = at;
  const { body } = manager === undefined ? { body: {} } : await client.get(manager, callOptions).catch(nothingThere);
  return {
    vendor: [system['Manufacturer'], root['Vendor']].filter((word) => typeof word === 'string').join(' '),
    model: textOf(system['Model']),
    firmware: textOf(body['FirmwareVersion']),
  };
}

/** Chassis and managers are optional for power control: they may be missing, or not readable for this user. */
function nothingThere(error: unknown): Pick<RedfishReply, 'body'> {
  const isOfResource =
    error instanceof RedfishError &&
    (error.failure === 'answered' || unusableReplies.includes(error.failure) || error.lacksPrivilege);
  if (isOfResource) return { body: {} };
  throw error;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Paths in `Links.{name}`. */
export function linked(resource: Resource, name: string): string[] {
  const links = resource['Links'];
  if (typeof links !== 'object' || links === null || Array.isArray(links)) return [];
  return linksIn(links[name]);
}

async function memberLinks(reader: Reader, collection: string): Promise<string[]> {
  const links: string[] = [];
  for await (const page of pagesOf(reader, collection)) links.push(...linksIn(page));
  return links.slice(0, mostLinks);
}

function linksIn(value: Json | undefined): string[] {
  const list = Array.isArray(value) ? value : [];
  return list
    .slice(0, mostLinks)
    .map(linkOf)
    .filter((path) => path !== undefined);
}
