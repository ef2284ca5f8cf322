/**
 * Allowed imports between the parts of the project: the table in ARCHITECTURE.md, enforced. Type imports count like all
 * others, unless the table allows only the types of a file or folder.
 */
import { findCycles } from './import-cycles.ts';
import { type Aliases, type ImportLine, importsOf } from './import-lines.ts';
import type { Finding, Source } from './sources.ts';

/**
 * A part is a top-level folder, a folder of src, or a file right in src; `part/name` is a file or folder of a part.
 * `everything in src` is a wildcard; `types of …` allows `import type` only.
 */
type ImportRow = { readonly from: readonly string[]; readonly may: readonly string[] };

export const importTable: readonly ImportRow[] = [
  {
    from: ['main'],
    may: ['commands', 'lab/command', 'build/ramdisk/command', 'build/image/command', 'demo/command', 'bench/command'],
  },
  { from: ['commands'], may: ['serve', 'settings', 'store', 'domain'] },
  { from: ['serve'], may: ['everything in src'] },
  {
    from: ['api'],
    may: ['services', 'engine/contract', 'engine/operations/shown-as', 'engine/servers/addresses', 'store', 'images', 'domain'],
  },
  {
    from: ['services'],
    may: ['engine/contract', 'engine/operations/shown-as', 'engine/servers/addresses', 'store', 'images', 'domain', 'wire/ldap'],
  },
  {
    from: ['boot-server'],
    may: ['engine/contract', 'drivers/interfaces', 'drivers/redfish/settings', 'tools', 'domain', 'agent-protocol'],
  },
  { from: ['engine'], may: ['drivers', 'store', 'domain', 'agent-protocol'] },
  { from: ['drivers'], may: ['wire', 'tools', 'types of store/tables', 'domain', 'agent-protocol'] },
  { from: ['images'], may: ['store', 'tools', 'domain', 'drivers/interfaces', 'agent-protocol'] },
  { from: ['routing'], may: ['store', 'tools', 'domain'] },
  { from: ['store'], may: ['domain'] },
  { from: ['tools'], may: ['domain'] },
  { from: ['wire'], may: ['wire'] },
  { from: ['log'], may: ['settings/process', 'domain/url-secrets'] },
  {
    from: ['settings'],
    may: [
      'api/settings',
      'drivers/settings',
      'engine/settings',
      'routing/settings',
      'services/identity/settings',
      'store/settings',
      'tools/settings',
    ],
  },
  { from: ['domain'], may: ['nothing'] },
  { from: ['async', 'files', 'node-http'], may: ['nothing'] },
  { from: ['agent'], may: ['agent-protocol'] },
  { from: ['build'], may: ['domain'] },
  { from: ['lab'], may: ['wire', 'settings', 'domain'] },
  { from: ['demo'], may: ['build', 'lab', 'commands/options', 'settings', 'store/state-files', 'domain'] },
  {
    from: ['bench'],
    may: [
      'demo',
      'build',
      'lab',
      'wire',
      'commands/options',
      'settings',
      'store/state-files',
      'test/fuzz/targets',
      'test/a-debian-root',
      'test/a-large-cloud',
      'test/a-large-site',
      'test/large-records',
    ],
  },
];

/** Importable by every part, except those whose row says `nothing` and those without the `#` names; `name/`: a folder. */
const foundations = ['async', 'files', 'node-http', 'settings/'];

/** The parts that may use a package. A package that is not listed may not be used. */
const packageTable: Readonly<Record<string, readonly string[]>> = {
  fastify: ['api', 'boot-server', 'serve'],
  '@fastify/type-provider-typebox': ['api', 'boot-server'],
  kysely: ['store'],
  pg: ['store'],
  jose: ['services'],
  'net-snmp': ['wire'],
  ws: ['api'],
  yaml: ['api', 'services'],
  pino: ['log', 'serve', 'api', 'boot-server', 'engine', 'drivers', 'images', 'routing'],
  typebox: [
    'api',
    'services',
    'boot-server',
    'engine',
    'drivers',
    'images',
    'tools',
    'settings',
    'agent-protocol',
    'build',
    'lab',
    'demo',
  ],
};

/** The ramdisk holds no package.json, and so no `#` names. */
const withoutAliases = new Set(['agent', 'agent-protocol']);

/** Parts that only run the project from outside, and so need no row. */
const outside = new Set(['check', 'test']);

export function checkImports(files: readonly Source[], aliases: Aliases = aliasesOf(files)): Finding[] {
  const modules = files
    .filter(({ path }) => path.endsWith('.ts'))
    .map(({ path, text }) => ({ path, imports: importsOf({ path, text }, aliases) }));
  const findings = modules.flatMap(({ path, imports }) =>
    imports.flatMap((line) => {
      const message = judge(path, line, aliases);
      return message ? [{ path, line: line.line, message }] : [];
    }),
  );
  const cycles = findCycles(modules).map((cycle) => ({ path: cycle[0] ?? '', message: `imports itself: ${cycle.join(' → ')}` }));
  return [...findings, ...cycles];
}

/** The violation of one import, or undefined. */
function judge(path: string, line: ImportLine, aliases: Aliases): string | undefined {
  const { specifier, target, isTypeOnly } = line;
  if (target === undefined) return judgePackage(path, specifier);
  if (!/\.(ts|json)$/.test(target)) return `'${specifier}' must name the file with its ending`;
  const [from, to] = [partOf(path), partOf(target)];
  const leaves = specifier.startsWith('../') && from !== to;
  if (leaves && !withoutAliases.has(from) && hasAlias(target, aliases))
    return `'${specifier}' leaves its part: write it with '#'`;
  // A test may import whatever its setup needs.
  if (path.endsWith('.test.ts') || outside.has(from)) return undefined;
  if (isInnerDriverFile(path, target)) return `'${target}' is behind the door of its driver: import its index.ts`;
  if (mayImport(from, target)) return undefined;
  if (!mayImport(from, target, 'types of ')) return `${from} may not import ${target}`;
  return isTypeOnly ? undefined : `${from} may import only types of ${target}`;
}

function judgePackage(path: string, specifier: string): string | undefined {
  const part = partOf(path);
  if (outside.has(part) || path.endsWith('.test.ts')) return undefined;
  if (specifier.startsWith('node:')) return part === 'domain' ? `domain does no I/O: no '${specifier}'` : undefined;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return packageTable[name]?.includes(part) ? undefined : `${part} may not use the package '${name}'`;
}

/** `src/store/events.ts` → `store`, `src/serve.ts` → `serve`, `lab/bmc.ts` → `lab`. */
export function partOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'src' ? second.replace(/\.ts$/, '') : top;
}

/** @param prefix of the entries that count: none, or `types of ` */
function mayImport(from: string, target: string, prefix = ''): boolean {
  const to = partOf(target);
  if (from === to || (isFoundation(target) && mayUseFoundations(from))) return true;
  const allowed = importTable
    .filter((row) => row.from.includes(from))
    .flatMap((row) => row.may.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)));
  const door = target.replace(/^src\//, '').replace(/\.ts$/, '');
  return allowed.some(
    (name) => name === to || name === door || isFolderOf(name, door) || (name === 'everything in src' && isServed(target)),
  );
}

function mayUseFoundations(from: string): boolean {
  const isBelow = importTable.some((row) => row.from.includes(from) && row.may.includes('nothing'));
  return !isBelow && !withoutAliases.has(from);
}

/** `store/tables` contains `store/tables/nodes`; a part is no folder in this sense. */
function isFoundation(target: string): boolean {
  return foundations.some((name) => name === partOf(target) || (name.endsWith('/') && target.startsWith(`src/${name}`)));
}

function isFolderOf(name: string, door: string): boolean {
  return name.includes('/') && door.startsWith(`${name}/`);
}

/** The server's code: src, and the messages it shares with the agent. */
function isServed(target: string): boolean {
  return target.startsWith('src/') || target.startsWith('agent-protocol/');
}

function isInnerDriverFile(path: string, target: string): boolean {
  const folder = target.match(/^src\/drivers\/[^/]+\//)?.[0];
  const doors = [`${folder}index.ts`, `${folder}settings.ts`];
  return folder !== undefined && !path.startsWith(folder) && !doors.includes(target);
}

function hasAlias(target: string, aliases: Aliases): boolean {
  return Object.values(aliases).some((place) => target.startsWith(place.replace(/^\.\//, '').replace(/\*$/, '')));
}

/** The `#` names of package.json. */
export function aliasesOf(files: readonly Source[]): Aliases {
  const manifest = files.find(({ path }) => path === 'package.json');
  return manifest ? (JSON.parse(manifest.text) as { imports: Aliases }).imports : {};
}
