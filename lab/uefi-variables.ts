/**
 * Edits a machine's file of UEFI variables between two starts, as its BMC does: a volume header, then a store of
 * authenticated variables, in EDK II's layout (MdeModulePkg: VariableFormat.h). A variable is never changed in place;
 * the old one of the same name is marked deleted.
 */
import { readFileSync, writeFileSync } from 'node:fs';

type Variable = {
  readonly start: number;
  readonly end: number;
  readonly isLive: boolean;
  readonly name: string;
  readonly guid: string;
};

const headerBytes = 60;
const storeHeaderBytes = 28;
const startMark = 0x55aa;
const added = 0x3f;
/** Bits only change from 1 to 0, as in flash. */
const deletedMask = 0xfd;
const stateOffset = 2;
/** Non-volatile, boot service access, runtime access. */
const attributes = 7;
const authenticatedStore = guidBytes('aaf32c78-947b-439a-a180-2e144ec37792');
/** EFI_GLOBAL_VARIABLE. */
const globalGuid = '8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** Number of the boot option that is reserved for the BMC. */
const bmcOption = 0x1b07;

/** Makes the next start of the firmware boot once from a URL of an EFI program. */
export function bootNextFromUri(file: string, uri: string): void {
  const store = new VariableStore(readFileSync(file));
  store.set(`Boot${bmcOption.toString(16).toUpperCase()}`, loadOption('BMC HTTP boot', uri));
  store.set('BootNext', uint16(bmcOption));
  writeFileSync(file, store.bytes);
}

/** Cancels such a request if no firmware has consumed it; a request of the operating system stays. */
export function clearBootNext(file: string): void {
  const store = new VariableStore(readFileSync(file));
  if (!store.get('BootNext')?.equals(uint16(bmcOption))) return;
  store.remove('BootNext');
  writeFileSync(file, store.bytes);
}

/** Makes the firmware enumerate its boot options anew, in its own order: PXE before HTTP boot. */
export function forgetBootOrder(file: string): void {
  const store = new VariableStore(readFileSync(file));
  store.remove('BootOrder');
  writeFileSync(file, store.bytes);
}

export class VariableStore {
  readonly bytes: Buffer;
  readonly #first: number;
  readonly #end: number;

  /** Throws when it is not such a file. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
    const store = bytes.readUInt16LE(48);
    const isStore = bytes.toString('latin1', 40, 44) === '_FVH' && bytes.subarray(store, store + 16).equals(authenticatedStore);
    if (!isStore) throw new Error('this is no file of UEFI variables');
    this.#first = store + storeHeaderBytes;
    this.#end = store + bytes.readUInt32LE(store + 16);
  }

  get(name: string): Buffer | undefined {
    const found = this.#live(name);
    return found && this.bytes.subarray(found.end - this.bytes.readUInt32LE(found.start + 40), found.end);
  }

  /** Throws when there is no room; only the firmware reclaims space. */
  set(name: string, data: Buffer): void {
    const former = this.#live(name);
    const start = align(this.#variables().at(-1)?.end ?? this.#first);
    const words = Buffer.from(`${name}\0`, 'utf16le');
    if (start + headerBytes + words.length + data.length > this.#end) throw new Error('the UEFI variables are full');
    const header = Buffer.alloc(headerBytes);
    header.writeUInt16LE(startMark, 0);
    header.writeUInt8(added, stateOffset);
    header.writeUInt32LE(attributes, 4);
    header.writeUInt32LE(words.length, 36);
    header.writeUInt32LE(data.length, 40);
    guidBytes(globalGuid).copy(header, 44);
    Buffer.concat([header, words, data]).copy(this.bytes, start);
    if (former) this.#delete(former);
  }

  /** No error when there is none. */
  remove(name: string): void {
    const former = this.#live(name);
    if (former) this.#delete(former);
  }

  #delete({ start }: Variable): void {
    this.bytes.writeUInt8(this.bytes.readUInt8(start + stateOffset) & deletedMask, start + stateOffset);
  }

  #live(name: string): Variable | undefined {
    return this.#variables().findLast((each) => each.isLive && each.name === name && each.guid === globalGuid);
  }

  #variables(): Variable[] {
    const found: Variable[] = [];
    for (let start = this.#first; start + headerBytes <= this.#end && this.bytes.readUInt16LE(start) === startMark; ) {
      const variable = this.#read(start);
      found.push(variable);
      start = align(variable.end);
    }
    return found;
  }

  #read(start: number): Variable {
    const nameEnd = start + headerBytes + this.bytes.readUInt32LE(start + 36);
    return {
      start,
      end: nameEnd + this.bytes.readUInt32LE(start + 40),
      isLive: this.bytes.readUInt8(start + stateOffset) === added,
      name: this.bytes.toString('utf16le', start + headerBytes, nameEnd - 2),
      guid: guidText(this.bytes.subarray(start + 44, start + headerBytes)),
    };
  }
}

/** EFI_LOAD_OPTION whose device path is only a URI: the firmware tries it through each NIC. */
function loadOption(title: string, uri: string): Buffer {
  const node = Buffer.concat([Buffer.from([3, 24]), uint16(4 + Buffer.byteLength(uri)), Buffer.from(uri)]);
  const path = Buffer.concat([node, Buffer.from([0x7f, 0xff, 4, 0])]);
  return Buffer.concat([Buffer.from([1, 0, 0, 0]), uint16(path.length), Buffer.from(`${title}\0`, 'utf16le'), path]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8]);
}

function align(offset: number): number {
  return (offset + 3) & ~3;
}

/** The first three groups are little-endian numbers. */
function guidBytes(text: string): Buffer {
  const [a, b, c, ...rest] = text.split('-').map((group) => Buffer.from(group, 'hex'));
  return Buffer.concat(
    [...[a!, b!, c!].map((group) => group.toReversed() as Uint8Array), ...rest].map((part) => Buffer.from(part)),
  );
}

function guidText(bytes: Buffer): string {
  const hex = (start: number, end: number) => bytes.toString('hex', start, end);
  const little = (start: number, end: number) => Buffer.from(bytes.subarray(start, end).toReversed()).toString('hex');
  return [little(0, 4), little(4, 6), little(6, 8), hex(8, 10), hex(10, 16)].join('-');
}
