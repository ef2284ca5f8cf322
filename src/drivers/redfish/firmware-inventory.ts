/** Firmware inventory of a machine, with Ironic's component names (`bios`, `bmc`, `nic:…`) and the service's own. */
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { FirmwareComponent } from '../interfaces.ts';
import { rootPath, type SystemContext } from './find-system.ts';
import { membersIfAny, type Reader, read, readAll, readIfAny } from './reading.ts';
import { linkAt, linksAt, objectsAt, samePath, textAt, wordAt } from './resource-fields.ts';

export type InstalledComponent = FirmwareComponent & {
  /** Target of an update; undefined if the service has no inventory entry for it. */
  readonly target: string | undefined;
};

/** Matches the inventory entry of a component by Id, Name or Description; spare and staged versions do not match. */
const partTable = {
  bios: /\b(bios|uefi|system ?rom(active)?)\b/i,
  bmc: /\b(bmc|idrac|ilo|xcc|(integrated )?(dell )?remote access controller|system ?bmc)\b|^ilo \d|idrac[.-]/i,
} as const;
type Part = keyof typeof partTable;

/** `BMC-Backup` (Lenovo), `Previous-159-…` and `Available-…` (Dell), `System ROM` with `SystemRomRedundant`… (HPE). */
const spare = /backup|previous|available|redundant|recovery|golden|staged|secondary/i;

export async function readUpdateService(reader: Reader): Promise<Resource | undefined> {
  return await readIfAny(reader, linkAt(await read(reader, rootPath), 'UpdateService'));
}

export async function readInventory(at: SystemContext): Promise<InstalledComponent[]> {
  const service = await readUpdateService(at);
  const entries = await membersIfAny(at, linkAt(service, 'FirmwareInventory'));
  const named = [...(await readParts(at, entries, canUpdate(service))), ...(await readAdapters(at))];
  return [...named, ...entries.map(toComponent)];
}

/** A service without an inventory may still accept updates: the image identifies its component. */
function canUpdate(service: Resource | undefined): boolean {
  const ways = [
    textAt(service, 'Actions', '#UpdateService.SimpleUpdate', 'target'),
    textAt(service, 'MultipartHttpPushUri'),
    textAt(service, 'HttpPushUri'),
  ];
  return ways.some((way) => way !== undefined);
}

function toComponent(entry: Resource): InstalledComponent {
  const id = textAt(entry, 'Id') ?? linkAt(entry)?.split('/').at(-1) ?? '';
  return { component: id, version: versionOf(entry), updateable: isUpdateable(entry), target: linkAt(entry) };
}

function versionOf(entry: Resource): string | null {
  return wordAt(entry, 'Version') ?? null;
}

/** Most services send `Updateable`; without it, the service decides. */
function isUpdateable(entry: Resource | undefined): boolean {
  return entry?.['Updateable'] !== false;
}

/** System and manager report the running version; an inventory with several slots does not. */
async function readParts(at: SystemContext, entries: readonly Resource[], canUpdateAll: boolean): Promise<InstalledComponent[]> {
  const { body: system } = await at.system();
  const [manager] = await readAll(at, at.paths.managers.slice(0, 1));
  const rows = [
    { component: 'bios', path: at.paths.system, version: wordAt(system, 'BiosVersion') },
    { component: 'bmc', path: at.paths.managers[0], version: wordAt(manager, 'FirmwareVersion') },
  ] as const;
  return rows.flatMap(({ component, path, version }) => {
    const entry = findPart(entries, component, { path, version });
    if (version === undefined && !entry) return [];
    const installed = version ?? (entry ? versionOf(entry) : null);
    const updateable = entry ? isUpdateable(entry) : canUpdateAll;
    const model = component === 'bmc' ? (wordAt(manager, 'Model') ?? null) : null;
    return [{ component, version: installed, updateable, target: linkAt(entry), model }];
  });
}

function isSpare(entry: Resource): boolean {
  return ['Id', 'Name', 'Description'].some((name) => spare.test(textAt(entry, name) ?? ''));
}

/** Best match: an entry that names the system and has the running version; then by name. */
function findPart(
  entries: readonly Resource[],
  part: Part,
  known: { path: string | undefined; version: string | undefined },
): Resource | undefined {
  const active = entries.filter((entry) => !isSpare(entry));
  const related = active.filter((entry) =>
    linksAt(entry, 'RelatedItem').some((path) => known.path !== undefined && samePath(path, known.path)),
  );
  const alike = active.filter((entry) =>
    [entry['Id'], entry['Name'], entry['Description']].some((word) => typeof word === 'string' && partTable[part].test(word)),
  );
  const own = alike.filter((entry) => isNamedAfter(entry, known.path));
  const candidates = [...alike.filter((entry) => related.includes(entry)), ...own, ...alike, ...related];
  return candidates.find((entry) => known.version !== undefined && versionOf(entry) === known.version) ?? candidates[0];
}

/** One BMC, several systems: `Node1.BIOS` belongs to Node1 (HPE Cray EX). A one-character Id is ambiguous. */
function isNamedAfter(entry: Resource, path: string | undefined): boolean {
  const owner = path?.replace(/\/+$/, '').split('/').at(-1) ?? '';
  return owner.length > 1 && (textAt(entry, 'Id') ?? '').split(/[._ -]/).includes(owner);
}

/** Ironic's names: `nic:` with the serial number of the adapter, or its Id. */
async function readAdapters(at: SystemContext): Promise<InstalledComponent[]> {
  const found: InstalledComponent[] = [];
  for (const chassis of await readAll(at, at.paths.chassis)) {
    for (const adapter of await membersIfAny(at, linkAt(chassis, 'NetworkAdapters'))) {
      const id = textAt(adapter, 'SerialNumber') ?? textAt(adapter, 'Id');
      const version = objectsAt(adapter, 'Controllers').flatMap((one) => wordAt(one, 'FirmwarePackageVersion') ?? [])[0];
      if (id === undefined || version === undefined) continue;
      found.push({ component: `nic:${id.trim()}`, version, updateable: true, target: linkAt(adapter), ...identityOf(adapter) });
    }
  }
  return found;
}

function identityOf(adapter: Resource) {
  const word = (name: string) => wordAt(adapter, name) ?? null;
  return { vendor: word('Manufacturer'), model: word('Model'), serial_number: word('SerialNumber') };
}
