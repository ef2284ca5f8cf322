/**
 * Writes a small ISO 9660 file system (ECMA-119) with Joliet names, in memory. Equal input gives equal bytes, so a
 * rebuilt config drive has the checksum that its machine was given. The plain tree has upper-case names for readers
 * without Joliet; Linux, the BSDs and Windows read the Joliet tree with the original names.
 */

/** Path without leading slash → contents. */
export type IsoFiles = Readonly<Record<string, Buffer>>;

const sectorBytes = 2048;
/** Sections 6.2.1 and 8.1: sectors 0 to 15 are the system area, descriptors follow. */
const firstDescriptor = 16;

type Directory = { name: string; parent: Directory | undefined; directories: Directory[]; files: File[] };
type File = { name: string; content: Buffer };
/** One of the two trees: its name encoding and the positions of its parts. */
type Tree = {
  joliet: boolean;
  /** In path table order (section 6.9.1): by level, then by parent, then by name. */
  order: Directory[];
  encode(name: string, isFile: boolean): Buffer;
  sectors: Map<Directory, number>;
  pathTableSector: number;
};

export function buildIso(label: string, files: IsoFiles, date: Date): Buffer {
  const root = buildDirectories(files);
  const trees = [false, true].map((joliet) => layTree(root, joliet));
  let sector = firstDescriptor + trees.length + 1;
  for (const tree of trees) {
    tree.pathTableSector = sector;
    sector += 2 * sectorsFor(pathTable(tree, 'LE').length);
  }
  for (const tree of trees) {
    for (const directory of tree.order) {
      tree.sectors.set(directory, sector);
      sector += sectorsFor(directoryLength(tree, directory));
    }
  }
  const contents = new Contents(sector);
  for (const directory of trees[0]?.order ?? []) for (const file of directory.files) contents.add(file.content);
  const image = Buffer.alloc(contents.end * sectorBytes);
  trees.forEach((tree, index) => {
    writeDescriptor(image.subarray((firstDescriptor + index) * sectorBytes), { tree, label, date, sectors: contents.end });
    writeTree(image, tree, { contents, date });
  });
  // Section 8.3: the set of descriptors ends with type 255.
  image.write('\xffCD001\x01', (firstDescriptor + trees.length) * sectorBytes, 'latin1');
  contents.copyTo(image);
  return image;
}

/** File extents; equal contents share one. */
class Contents {
  readonly #sectors = new Map<string, { sector: number; content: Buffer }>();
  end: number;

  constructor(first: number) {
    this.end = first;
  }

  add(content: Buffer): void {
    const key = content.toString('latin1');
    if (this.#sectors.has(key)) return;
    this.#sectors.set(key, { sector: this.end, content });
    this.end += sectorsFor(content.length);
  }

  sectorOf(content: Buffer): number {
    return this.#sectors.get(content.toString('latin1'))?.sector ?? 0;
  }

  copyTo(image: Buffer): void {
    for (const { sector, content } of this.#sectors.values()) content.copy(image, sector * sectorBytes);
  }
}

function buildDirectories(files: IsoFiles): Directory {
  const root: Directory = { name: '', parent: undefined, directories: [], files: [] };
  for (const [path, content] of Object.entries(files)) {
    const names = path.split('/');
    const name = names.pop() as string;
    names.reduce(enterDirectory, root).files.push({ name, content });
  }
  return root;
}

function enterDirectory(parent: Directory, name: string): Directory {
  const known = parent.directories.find((directory) => directory.name === name);
  if (known) return known;
  const made: Directory = { name, parent, directories: [], files: [] };
  parent.directories.push(made);
  return made;
}

function layTree(root: Directory, joliet: boolean): Tree {
  const encode = joliet ? jolietName : plainName;
  const order = [root];
  // The list grows during the iteration: that is the order by level.
  for (const directory of order) {
    order.push(...[...directory.directories].sort((a, b) => encode(a.name, false).compare(encode(b.name, false))));
  }
  return { joliet, order, encode, sectors: new Map(), pathTableSector: 0 };
}

/** Section 7.5, level 2: capitals, digits, underscore; one dot and a version number for files. */
function plainName(name: string, isFile: boolean): Buffer {
  const upper = name.toUpperCase();
  if (!isFile) return Buffer.from(upper.replace(/[^A-Z0-9_]/g, '_').slice(0, 31), 'latin1');
  const dot = upper.lastIndexOf('.');
  const base = (dot < 0 ? upper : upper.slice(0, dot)).replace(/[^A-Z0-9_]/g, '_');
  const extension = dot < 0 ? '' : upper.slice(dot + 1).replace(/[^A-Z0-9_]/g, '_');
  return Buffer.from(`${base.slice(0, 30 - extension.length)}.${extension};1`, 'latin1');
}

function jolietName(name: string): Buffer {
  return Buffer.from(name.slice(0, 64), 'utf16le').swap16();
}

const self = Buffer.from([0]);
const parentName = Buffer.from([1]);

function directoryLength(tree: Tree, directory: Directory): number {
  return records(tree, directory, { contents: undefined, date: new Date(0) }).length;
}

type Lay = { contents: Contents | undefined; date: Date };

/** Section 9.1: `.`, `..`, then all by name; a record never crosses a sector. */
function records(tree: Tree, directory: Directory, { contents, date }: Lay): Buffer {
  const folder = (name: Buffer, target: Directory) =>
    directoryRecord({
      name,
      isDirectory: true,
      date,
      sector: tree.sectors.get(target) ?? 0,
      length: directorySize(tree, target),
    });
  const entries = [
    ...directory.directories.map((child) => folder(tree.encode(child.name, false), child)),
    ...directory.files.map(({ name, content }) =>
      directoryRecord({
        name: tree.encode(name, true),
        isDirectory: false,
        date,
        sector: contents?.sectorOf(content) ?? 0,
        length: content.length,
      }),
    ),
  ].sort((a, b) => nameOf(a).compare(nameOf(b)));
  return packSectors([folder(self, directory), folder(parentName, directory.parent ?? directory), ...entries]);
}

/** Length of a directory, which does not depend on the sizes of its children. */
function directorySize(tree: Tree, directory: Directory): number {
  const length = (name: Buffer) => 33 + name.length + (name.length % 2 === 0 ? 1 : 0);
  const names = [
    ...directory.directories.map(({ name }) => tree.encode(name, false)),
    ...directory.files.map(({ name }) => tree.encode(name, true)),
  ].sort((a, b) => a.compare(b));
  return packSectors([self, parentName, ...names].map((name) => Buffer.alloc(length(name)))).length;
}

function packSectors(entries: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let used = 0;
  for (const entry of entries) {
    const left = sectorBytes - (used % sectorBytes);
    if (entry.length > left) {
      parts.push(Buffer.alloc(left));
      used += left;
    }
    parts.push(entry);
    used += entry.length;
  }
  parts.push(Buffer.alloc(sectorsFor(used) * sectorBytes - used));
  return Buffer.concat(parts);
}

type RecordFields = { name: Buffer; isDirectory: boolean; sector: number; length: number; date: Date };

function directoryRecord({ name, isDirectory, sector, length, date }: RecordFields): Buffer {
  const record = Buffer.alloc(33 + name.length + (name.length % 2 === 0 ? 1 : 0));
  record[0] = record.length;
  writeBoth32(record, sector, 2);
  writeBoth32(record, length, 10);
  shortDate(date).copy(record, 18);
  record[25] = isDirectory ? 2 : 0;
  writeBoth16(record, 1, 28);
  record[32] = name.length;
  name.copy(record, 33);
  return record;
}

function nameOf(record: Buffer): Buffer {
  return record.subarray(33, 33 + (record[32] ?? 0));
}

/** Section 9.4, in the byte order of its type. */
function pathTable(tree: Tree, order: 'LE' | 'BE'): Buffer {
  const entries = tree.order.map((directory) => {
    const name = directory.parent ? tree.encode(directory.name, false) : self;
    const entry = Buffer.alloc(8 + name.length + (name.length % 2));
    const parent = tree.order.indexOf(directory.parent ?? directory) + 1;
    const sector = tree.sectors.get(directory) ?? 0;
    entry[0] = name.length;
    if (order === 'LE') entry.writeUInt16LE(parent, entry.writeUInt32LE(sector, 2));
    else entry.writeUInt16BE(parent, entry.writeUInt32BE(sector, 2));
    name.copy(entry, 8);
    return entry;
  });
  return Buffer.concat(entries);
}

function writeTree(image: Buffer, tree: Tree, lay: Lay): void {
  const [little, big] = [pathTable(tree, 'LE'), pathTable(tree, 'BE')];
  little.copy(image, tree.pathTableSector * sectorBytes);
  big.copy(image, (tree.pathTableSector + sectorsFor(little.length)) * sectorBytes);
  for (const directory of tree.order) {
    records(tree, directory, lay).copy(image, (tree.sectors.get(directory) ?? 0) * sectorBytes);
  }
}

type Descriptor = { tree: Tree; label: string; date: Date; sectors: number };

/** Sections 8.4 (primary) and 8.5 (supplementary, here Joliet). */
function writeDescriptor(block: Buffer, { tree, label, date, sectors }: Descriptor): void {
  const root = tree.order[0] as Directory;
  const text = (value: string, offset: number, length: number) => {
    const padding = tree.joliet ? Buffer.from(' '.repeat(length >> 1), 'utf16le').swap16() : Buffer.alloc(length, ' ');
    padding.copy(block, offset);
    (tree.joliet ? jolietName(value) : Buffer.from(value, 'latin1')).copy(block, offset, 0, length);
  };
  block.write(`${tree.joliet ? '\x02' : '\x01'}CD001\x01`, 0, 'latin1');
  text('', 8, 32);
  text(label, 40, 32);
  writeBoth32(block, sectors, 80);
  // Joliet: UCS-2 level 3.
  if (tree.joliet) block.write('%/E', 88, 'latin1');
  writeBoth16(block, 1, 120);
  writeBoth16(block, 1, 124);
  writeBoth16(block, sectorBytes, 128);
  const table = pathTable(tree, 'LE').length;
  writeBoth32(block, table, 132);
  block.writeUInt32LE(tree.pathTableSector, 140);
  block.writeUInt32BE(tree.pathTableSector + sectorsFor(table), 148);
  const size = directorySize(tree, root);
  directoryRecord({ name: self, isDirectory: true, date, sector: tree.sectors.get(root) ?? 0, length: size }).copy(block, 156);
  for (const [offset, length] of identifierFields) text('', offset, length);
  for (const offset of [813, 830]) block.write(`${longDate(date)}\0`, offset, 'latin1');
  for (const offset of [847, 864]) block.write(`${'0'.repeat(16)}\0`, offset, 'latin1');
  block[881] = 1;
}

/** Volume set, publisher, preparer, application, copyright, abstract, bibliography: all blank. */
const identifierFields = [
  [190, 128],
  [318, 128],
  [446, 128],
  [574, 128],
  [702, 37],
  [739, 37],
  [776, 37],
] as const;

function sectorsFor(bytes: number): number {
  return Math.ceil(bytes / sectorBytes);
}

/** Section 7.3.3: little-endian, then big-endian. */
function writeBoth32(target: Buffer, value: number, offset: number): void {
  target.writeUInt32BE(value, target.writeUInt32LE(value, offset));
}

function writeBoth16(target: Buffer, value: number, offset: number): void {
  target.writeUInt16BE(value, target.writeUInt16LE(value, offset));
}

/** Section 9.1.5. */
function shortDate(date: Date): Buffer {
  return Buffer.from([
    date.getUTCFullYear() - 1900,
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    0,
  ]);
}

/** Section 8.4.26.1: digits down to hundredths of a second. */
function longDate(date: Date): string {
  return date.toISOString().replace(/\D/g, '').slice(0, 16);
}
