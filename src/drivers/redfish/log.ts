/** Merges the logs of system and managers: DSP0268 schemas LogService and LogEntry. */
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { LogEntry, ManagementInterface } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { isLink, membersIfAny, pagesOf, type Reader, readAll, unlessAbsent, wholeMember } from './reading.ts';
import { linkAt, numberAt, pathAt, textAt, textsAt } from './resource-fields.ts';

/** Maximum number of entries per log, newest first; fewer if each must be read separately. */
const mostEntries = 500;
const mostLinks = 100;

/** Logs that do not describe the machine's health, by the Id of their LogService. */
const leftOut: readonly (readonly [id: RegExp, why: string])[] = [
  [/audit|^SL$/i, 'BMC login audit: OpenBMC, Lenovo XCC, HPE iLO (SL = security log)'],
  [/dump|crash|fdr/i, 'files for the vendor: OpenBMC'],
  [/journal|hostlogger|console/i, 'output of programs: OpenBMC'],
  [/postcodes?$/i, 'progress of each boot: OpenBMC'],
];

export function createRedfishLog(withSystem: WithSystem): Required<Pick<ManagementInterface, 'readLog' | 'clearLog'>> {
  return {
    readLog: (node, callOptions) => withSystem({ node, callOptions, command: 'read logs' }, readLog),
    clearLog: (node, callOptions) => withSystem({ node, callOptions, command: 'clear logs' }, clearLog),
  };
}

async function readLog(at: SystemContext): Promise<LogEntry[]> {
  const services = await findLogs(at);
  if (services.length === 0) return await unsupported(at.node, 'log');
  const dated: { when: string; entry: LogEntry }[] = [];
  for (const service of services) dated.push(...inTime(await readEntries(at, service)));
  return dated.sort((a, b) => a.when.localeCompare(b.when)).map(({ entry }) => entry);
}

/** An entry without a time keeps its place after the previous one in its log. */
function inTime(entries: readonly LogEntry[]): { when: string; entry: LogEntry }[] {
  let when = '';
  return entries.map((entry) => {
    when = entry.at ?? when;
    return { when, entry };
  });
}

async function clearLog(at: SystemContext): Promise<void> {
  const targets = (await findLogs(at)).flatMap((service) => pathAt(service, 'Actions', '#LogService.ClearLog', 'target') ?? []);
  if (targets.length === 0) return await unsupported(at.node, 'clearing the log');
  for (const target of targets) await at.client.post(target, {}, at.callOptions);
}

/** Some services link the same log from both system and manager. */
async function findLogs(at: SystemContext): Promise<Resource[]> {
  const owners = [(await at.system()).body, ...(await readAll(at, at.paths.managers))];
  const found = new Map<string, Resource>();
  for (const owner of owners) {
    for (const service of await membersIfAny(at, linkAt(owner, 'LogServices'))) {
      const path = linkAt(service, 'Entries');
      if (path === undefined || service['ServiceEnabled'] === false || isLeftOut(service)) continue;
      if (!found.has(path)) found.set(path, service);
    }
  }
  return [...found.values()];
}

function isLeftOut(service: Resource): boolean {
  const id = textAt(service, 'Id') ?? '';
  return leftOut.some(([pattern]) => pattern.test(id));
}

async function readEntries(at: SystemContext, service: Resource): Promise<LogEntry[]> {
  const path = linkAt(service, 'Entries') ?? '';
  const name = textAt(service, 'Id') ?? 'Log';
  const newest = (await unlessAbsent(at, () => newestMembers(at, path))) ?? [];
  const entries: LogEntry[] = [];
  const isLinks = newest.some(isLink);
  for (const member of isLinks ? newest.slice(-mostLinks) : newest) {
    const entry = await wholeMember(at, member);
    if (entry) entries.push(toEntry(name, entry));
  }
  // iLO pads its list of sent events with entries whose fields are all "NULL".
  return entries.filter(({ message }) => message !== '');
}

/** Some logs start with the newest entry (iDRAC), others with the oldest: the first page shows which pages to read. */
async function newestMembers(reader: Reader, path: string): Promise<Resource[]> {
  let kept: Resource[] = [];
  let isNewestFirst: boolean | undefined;
  for await (const page of pagesOf(reader, path)) {
    isNewestFirst ??= await beginsWithNewest(reader, page);
    kept = isNewestFirst ? [...kept, ...page].slice(0, mostEntries) : [...kept, ...page].slice(-mostEntries);
    if (isNewestFirst && kept.length === mostEntries) break;
  }
  return isNewestFirst ? kept.reverse() : kept;
}

async function beginsWithNewest(reader: Reader, page: readonly Resource[]): Promise<boolean> {
  const [first, last] = [page[0], page.at(-1)];
  if (!first || !last || first === last) return false;
  const [early, late] = [timeOf(await wholeMember(reader, first)), timeOf(await wholeMember(reader, last))];
  return early !== null && late !== null && early > late;
}

function toEntry(log: string, entry: Resource): LogEntry {
  return {
    id: `${log}/${textAt(entry, 'Id') ?? textAt(entry, 'RecordId') ?? ''}`,
    at: timeOf(entry),
    severity: severityOf(entry),
    source: sourceOf(log, entry),
    message: messageOf(entry),
  };
}

/**
 * A date before 2001 counts from the BMC's own start (an unset IPMI clock begins in 1970, AMI's in 2000); the maximum
 * date is not valid either (OpenBMC on NVIDIA's baseboards: 9999-12-31).
 */
const [firstTime, lastTime] = [Date.UTC(2001, 0, 1), Date.UTC(2200, 0, 1)];

function timeOf(entry: Resource | undefined): string | null {
  const time = Date.parse(textAt(entry, 'EventTimestamp') ?? textAt(entry, 'Created') ?? '');
  return time > firstTime && time < lastTime ? new Date(time).toISOString() : null;
}

/** `MessageSeverity` or the older `Severity`; Supermicro X10 sends neither. */
function severityOf(entry: Resource): LogEntry['severity'] {
  const word = (textAt(entry, 'Severity') ?? textAt(entry, 'MessageSeverity') ?? '').toLowerCase();
  return word === 'critical' || word === 'warning' ? word : 'ok';
}

function sourceOf(log: string, entry: Resource): string {
  const origin = linkAt(entry, 'Links', 'OriginOfCondition')?.split('/').filter(Boolean).slice(-2).join('/');
  const number = numberAt(entry, 'SensorNumber');
  const sensor = textAt(entry, 'SensorType') ?? textAt(entry, 'OemSensorType');
  if (sensor !== undefined) return number === undefined ? sensor : `${sensor} #${number}`;
  return origin ?? log;
}

/** The message text; if missing or meaningless, the MessageId with its arguments. */
function messageOf(entry: Resource): string {
  const message = textAt(entry, 'Message')?.trim();
  // AMI: the three bytes of IPMI event data; OpenBMC: the MessageId again.
  const isBare = message !== undefined && /^0x[0-9a-f]+$/i.test(message);
  if (isBare) return [message, textAt(entry, 'EntryCode')].filter(Boolean).join(' ');
  if (message !== undefined && message !== textAt(entry, 'MessageId')) return message;
  const id = textAt(entry, 'MessageId');
  if (id === undefined || id === 'NULL') return textAt(entry, 'EntryCode') ?? '';
  const values = textsAt(entry, 'MessageArgs') ?? [];
  const filled = values.length > 0 ? `${id} (${values.join(', ')})` : id;
  return [filled, textAt(entry, 'EntryCode')].filter(Boolean).join(' ');
}
