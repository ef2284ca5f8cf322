/** Where on its BMC a node is: the paths of its system, chassis and managers, found once and remembered. */
import { Fault } from '#domain/faults.ts';
import type { RedfishService } from '#wire/redfish/client.ts';
import { linkOf } from '#wire/redfish/links.ts';
import { isObject } from '#wire/redfish/messages.ts';
import { type Json, RedfishError, type RedfishReply, type Resource } from '#wire/redfish/redfish-client.ts';
import type { CallOptions, NodeFacts } from '../interfaces.ts';
import type { AskRedfish, RedfishCall } from './ask-redfish.ts';
import { readRedfishSettings } from './properties.ts';
import { type Make, type Tolerance, tolerancesFor } from './quirks.ts';
import { pagesOf, type Reader } from './reading.ts';
import { samePath } from './resource-fields.ts';

export type SystemPaths = {
  /** Path of the ComputerSystem. */
  readonly system: string;
  /** Paths of the Chassis that hold it, nearest first; may be empty. */
  readonly chassis: readonly string[];
  /** Paths of the Managers that manage it, the BMC first; may be empty. */
  readonly managers: readonly string[];
  readonly make: Make;
  readonly tolerances: ReadonlySet<Tolerance>;
};

/** What work on a machine gets. Give `asking` to each request. */
export type SystemContext = {
  readonly node: NodeFacts;
  readonly client: RedfishService;
  readonly paths: SystemPaths;
  readonly callOptions: CallOptions;
  /** The ComputerSystem, read now. */
  system(): Promise<RedfishReply>;
};

/** Like AskRedfish, where the machine is. What was remembered is forgotten when the BMC answers 404. */
export type WithSystem = <T>(question: RedfishCall, work: (at: SystemContext) => Promise<T>) => Promise<T>;

export const rootPath = '/redfish/v1/';
/** Of one machine, or systems of one BMC; they are remembered, so that there must be an end. */
const mostLinks = 1000;
/** Members that are asked whose they are. */
const mostRelated = 50;

export function createWithSystem(ask: AskRedfish): WithSystem {
  const known = new Map<string, Known>();
  return (question, work) =>
    ask(question, async (client) => {
      const { node, callOptions = {} } = question;
      const { systemPath, address } = readRedfishSettings(node);
      const key = `${client.peer.url} ${systemPath ?? ''}`;
      const former = known.get(node.uuid);
      const remembered = former?.key === key ? former : undefined;
      const gone = (detail: string, error: unknown) => {
        return new Fault('bmcNotReady', { address, command: 'GET of its system', detail }, error);
      };
      let paths = remembered?.isGone === false ? remembered.paths : undefined;
      try {
        paths ??= await findSystemPaths({ client, systemPath, address, callOptions });
      } catch (error) {
        const isMissing = isNotFound(error) || (error instanceof Fault && error.code === 'bmcError');
        throw remembered && isMissing ? gone('the system it had before is missing', error) : error;
      }
      known.set(node.uuid, { key, paths, isGone: false });
      try {
        return await work({ node, client, paths, callOptions, system: () => client.get(paths.system, callOptions) });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        known.set(node.uuid, { key, paths, isGone: true });
        throw error.request === `GET ${paths.system}` ? gone('404 Not Found', error) : error;
      }
    });
}

function isNotFound(error: unknown): error is RedfishError {
  return error instanceof RedfishError && error.status === 404;
}

/** `isGone`: the BMC has answered 404 since. A system comes back where its BMC was only starting: iDRAC, OpenBMC. */
type Known = { readonly key: string; readonly paths: SystemPaths; readonly isGone: boolean };

type Finding = { client: RedfishService; systemPath: string | undefined; address: string; callOptions: CallOptions };

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
  const { address } = finding;
  const collection = linkOf(root['Systems']) ?? '/redfish/v1/Systems';
  const members = await memberLinks(finding, collection);
  const switchable = members.length > 1 ? await findSwitchable(members, finding) : members;
  if (switchable.length === 1) return switchable[0] as string;
  const names = members.slice(0, 20).join(', ');
  const detail =
    members.length === 0 ? 'it has no system' : `it has ${members.length} systems; set redfish_system_id to one of: ${names}`;
  throw new Fault('bmcError', { address, command: `GET ${collection}`, detail });
}

/** Baseboards of GPUs stand as systems beside the server, and have no power switch: DGX H100, GH200, GB200. */
async function findSwitchable(systems: readonly string[], { client, callOptions }: Finding): Promise<string[]> {
  const found: string[] = [];
  for (const path of systems.slice(0, mostRelated)) {
    const { body } = await client.get(path, callOptions).catch(nothingThere);
    if (isObject(body['Actions']) && '#ComputerSystem.Reset' in body['Actions']) found.push(path);
  }
  return found;
}

/** `link`: the name of the link with which a member tells its systems. */
type Relation = { readonly collection: Json | undefined; readonly link: string; readonly system: string };

/**
 * Chassis or managers of a system that links none: the only one there is, those that link it, or one that is called the
 * same. Node cards of HPE Cray EX link their systems from the manager alone, and name chassis and system alike.
 */
async function findRelated({ collection, link, system }: Relation, { client, callOptions }: Finding): Promise<string[]> {
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

/** What a machine can be switched without need not exist, and need not be for this user. */
function nothingThere(error: unknown): Pick<RedfishReply, 'body'> {
  const isOfResource =
    error instanceof RedfishError && (error.failure === 'answered' || error.failure === 'unfit' || error.lacksPrivilege);
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
