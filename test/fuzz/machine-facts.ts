/** Facts from machines and users: root device hints, disks and NICs in /sys, UUIDs, lists of cipher suites. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Value } from 'typebox/value';
import { ethernetForm } from '#agent-protocol/infiniband.ts';
import { Inventory } from '#agent-protocol/messages.ts';
import { mismatch, parseRootDevice } from '#agent-protocol/root-device.ts';
import { canonicalUuid } from '#engine/nodes/machine-identity.ts';
import { decodeCipherSuiteIds } from '#wire/rmcp/cipher-suites.ts';
import { readInventory } from '../../agent/inventory.ts';
import { pick, type Roll } from './dice.ts';
import { mutateBytes, randomBytes } from './mutations.ts';
import { diceOf, readerTarget, seedInput, type Target, type Verdict } from './target.ts';

const operators = [
  ...['s== ', 's!=', 's<', 's<= ', 's> ', 's>=', '<in> ', '<or> ', '== ', '!= ', '= ', '>=', '<= ', '>', '< ', '<all-in> '],
  ...['', '', '', '=='],
];
const hintTexts = ['acme', 'ACME rotor', '500', '499', '0x5000', 'rotor', '0', '-5', '5.5', 'True', '\u0130'];
const textNames = ['model', 'vendor', 'serial', 'wwn', 'hctl', 'by_path', 'name'] as const;
const actuals = ['acme', 'acme rotor', 'rotor', '500', 'b', '0x5000c500a0b1c2d3'];

/** `wanted`: the hint with blanks in its values escaped, as Ironic passes it to oslo.utils. */
type HintCase = { name: string; given: unknown; wanted: string; actual: string };

function someHint(roll: Roll): HintCase {
  const isSize = roll(3) === 0;
  const name = isSize ? 'size' : roll(12) === 0 ? pick(['rotational', 'toString', 'colour'], roll) : pick(textNames, roll);
  const parts = Array.from({ length: roll(5) === 0 ? 2 : 1 }, () => [pick(operators, roll), pick(hintTexts, roll)] as const);
  const given = parts.map(([operator, value]) => operator + value).join(' ');
  const words = parts.map(([operator, value]) => (operator === '' ? '_' : ` ${operator}`) + escapeBlanks(value));
  const wanted = words.join('').replace(/^[ _]/, '').toLowerCase().trim();
  const actual = isSize ? pick(['500', '499', '1'], roll) : pick(actuals, roll);
  return { name, given: roll(10) === 0 ? pick([null, 5, true, [given], {}], roll) : given, wanted, actual };
}

function escapeBlanks(value: string): string {
  return value.trim().replaceAll(' ', '_');
}

const refereeProgram = `
import json, sys
from oslo_utils import specs_matcher
for line in sys.stdin:
    actual, wanted = json.loads(line)
    try:
        fits = specs_matcher.match(actual, wanted)
    except Exception:
        fits = None
    print(json.dumps(fits), flush=True)
`;

/** oslo.utils, with which Ironic's agent parses hints. If it is not installed, it parses none. */
class Referee {
  readonly #child: ChildProcess = spawn('/usr/bin/python3', ['-c', refereeProgram], { stdio: ['pipe', 'pipe', 'ignore'] });
  readonly #lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();

  constructor() {
    this.#child.on('error', () => {});
    this.#child.stdin?.on('error', () => {});
  }

  /** @returns null if it cannot parse the hint */
  async fits(actual: string, wanted: string): Promise<boolean | null> {
    this.#child.stdin?.write(`${JSON.stringify([actual, wanted])}\n`);
    const { value } = await this.#lines.next();
    return JSON.parse(value ?? 'null') as boolean | null;
  }

  async close(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill();
    await closed;
  }
}

async function judgeHint({ name, given, wanted, actual }: HintCase, referee: Referee): Promise<Verdict> {
  let hints: ReturnType<typeof parseRootDevice>;
  try {
    hints = parseRootDevice({ [name]: given });
  } catch (error) {
    if (!(error instanceof TypeError) || error.message.length < 20) throw error;
    return { read: false, reason: error.message };
  }
  if (hints.length !== 1) throw new Error('a hint was dropped: any disk would do');
  if (name === 'rotational' || typeof given !== 'string') return { read: true };
  const ours = mismatch({ [name]: name === 'size' ? Number(actual) : actual }, hints) === undefined;
  const theirs = await referee.fits(escapeBlanks(actual), wanted);
  if (theirs !== null && ours !== theirs)
    throw new Error(`${name} '${actual}' and the hint '${given}': ${ours} to us, ${theirs} to oslo.utils`);
  return { read: true };
}

const hintTarget: Target = {
  ...{ name: 'root device hints', share: 0.5, slowMs: 1_000 },
  async open() {
    const referee = new Referee();
    return {
      make: (roll) => Buffer.from(JSON.stringify(someHint(roll))),
      feed: (input) => judgeHint(JSON.parse(input.toString()) as HintCase, referee),
      close: () => referee.close(),
    };
  },
};

/** DISK_NAME_LEN and IFNAMSIZ of the kernel, without the terminating zero. */
const [mostDiskName, mostNicName] = [31, 15];
const diskNames = ['sda', 'nvme0n1', 'cciss!c0d0', 'vda', 'x'.repeat(mostDiskName)];
const nicNames = ['eth0', 'ib0', 'y'.repeat(mostNicName)];
const diskFiles = [
  ...['size', 'removable', 'serial', 'wwid', 'device/model', 'device/serial', 'device/vendor', 'device/wwid', 'device/vpd_pg80'],
  ...['queue/rotational', 'queue/discard_max_bytes', 'queue/write_zeroes_max_bytes'],
];
const nicFiles = ['address', 'carrier', 'speed', 'device/vendor'];
const cpuText = 'processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu vmx\n';
const contents = [
  ...['1875385008', '0', '-1', '1e9', 'NaN', '99999999999999999999999', '1', '', ' ', '\0', '日本\n'],
  ...['naa.5000c500a0b1c2d3', 'naa.5000c500a0b1c2d35000c500a0b1c2d3', `eui.${'0'.repeat(300)}`, 'nvme.1', 'x'.repeat(5_000)],
  ...['52:54:00:AA:BB:CC', '80:00:00:48:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52', '0x15b3', `${'ab:'.repeat(30)}ab`],
];

function layTree(root: string, roll: Roll): void {
  const lay = (path: string) => {
    if (roll(3) === 0) return;
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    const content = pick(contents, roll);
    writeFileSync(file, roll(6) === 0 ? mutateBytes(Buffer.from(content), roll) : content);
  };
  for (const name of diskNames.filter(() => roll(2) === 0)) for (const file of diskFiles) lay(`sys/block/${name}/${file}`);
  for (const name of nicNames.filter(() => roll(2) === 0)) for (const file of nicFiles) lay(`sys/class/net/${name}/${file}`);
  for (const name of ['sys_vendor', 'product_name', 'product_serial', 'product_uuid', 'bios_version'])
    lay(`sys/class/dmi/id/${name}`);
  if (roll(2) === 0)
    symlinkSync(`../../${pick(contents, roll).replace(/[\0/]/g, '').slice(0, 200) || 'x'}`, join(root, 'driver'));
  mkdirSync(join(root, 'proc'), { recursive: true });
  writeFileSync(join(root, 'proc/cpuinfo'), roll(2) === 0 ? mutateBytes(Buffer.from(cpuText), roll) : cpuText);
  lay('proc/meminfo');
}

/**
 * The server rejects an invalid inventory, and the machine could never be deployed: any reported facts must be valid.
 */
const inventoryTarget: Target = {
  ...{ name: 'hardware in /sys', share: 0.02, slowMs: 1_000 },
  open: () => {
    const folder = mkdtempSync(join(tmpdir(), 'ingot-fuzz-'));
    let count = 0;
    return {
      make: seedInput,
      async feed(input): Promise<Verdict> {
        const root = join(folder, String(count++));
        layTree(root, diceOf(input));
        const inventory = readInventory(root);
        await rm(root, { recursive: true });
        const [wrong] = Value.Errors(Inventory, JSON.parse(JSON.stringify(inventory)));
        if (wrong) throw new Error(`${wrong.instancePath} ${wrong.message}: ${JSON.stringify(inventory).slice(0, 2_000)}`);
        return { read: true };
      },
      close: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

const uuids = [
  '44454c4c-3000-1036-8052-b4c04f4b4231',
  '4c4c4544-0030-3610-8052-b4c04f4b4231',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
];
const turned = (uuid: string) => uuid.replace(/^(..)(..)(..)(..)-(..)(..)-(..)(..)/, '$4$3$2$1-$6$5-$8$7');

/** A UUID and its form in the other byte order identify one machine, and no other UUID does. */
function readUuid(input: Buffer): void {
  const text = input.toString();
  const canonical = canonicalUuid(text);
  if (canonical === null) throw new TypeError('it names no machine');
  const plain = text.trim().toLowerCase();
  if (![plain, turned(plain)].includes(canonical)) throw new Error(`${text} became ${canonical}`);
  for (const same of [turned(plain), canonical, plain.toUpperCase()])
    if (canonicalUuid(same) !== canonical) throw new Error(`${same} and ${text} are two machines`);
}

/** Standard records with their ids, and vendor records between them (IPMI 2.0 section 22.15.1). */
function suiteList(roll: Roll): { records: Buffer; ids: number[] } {
  const ids: number[] = [];
  const records = Array.from({ length: roll(30) }, () => {
    const id = roll(256);
    const algorithms = Buffer.of(roll(4), 0x40 | roll(5), 0x80 | roll(4));
    if (roll(4) === 0) return Buffer.concat([Buffer.of(0xc1, id), randomBytes(3, roll), algorithms]);
    ids.push(id);
    return Buffer.concat([Buffer.of(0xc0, id), algorithms.subarray(0, 1 + roll(3))]);
  });
  return { records: Buffer.concat(records), ids };
}

const suiteTarget: Target = {
  ...{ name: 'ipmi cipher suite lists', share: 2 },
  open: () => ({
    make: (roll) => (roll(3) === 0 ? randomBytes(roll(160), roll) : seedInput(roll)),
    feed(input): Verdict {
      if (input.length !== 4) {
        const odd = decodeCipherSuiteIds(input);
        if (odd.length > input.length / 2) throw new Error('more suites than bytes for them');
        return { read: true };
      }
      const { records, ids } = suiteList(diceOf(input));
      const found = decodeCipherSuiteIds(records);
      if (found.join() !== ids.join()) throw new Error(`${records.toString('hex')}: ${found} instead of ${ids}`);
      return { read: true };
    },
  }),
};

const nicAddresses = [
  '52:54:00:00:00:01',
  '80:00:00:48:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52',
  '7c-fe-90-03-00-29-26-52',
];

function readNicAddress(input: Buffer): void {
  const text = input.toString();
  const form = ethernetForm(text);
  if (form === text) throw new TypeError('it is no InfiniBand address');
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(form)) throw new Error(`${text} became ${form}`);
  if (ethernetForm(form) !== form) throw new Error(`${form} has another form`);
}

/** Different digits, in either case, and sometimes other bytes. */
function mutateDigits(seed: Buffer, roll: Roll): Buffer {
  if (roll(4) === 0) return mutateBytes(seed, roll);
  const digit = () => pick([...'0123456789abcdefABCDEF'], roll);
  const changed = seed.toString().replace(/[0-9a-f]/gi, (old) => (roll(8) === 0 ? digit() : old));
  return Buffer.from(changed);
}

const texts = (items: readonly string[]) => () => items.map((item) => Buffer.from(item));
const isTypeError = [TypeError];

export const machineFactTargets: readonly Target[] = [
  hintTarget,
  inventoryTarget,
  suiteTarget,
  readerTarget({
    ...{ name: 'system uuids', share: 1, refuses: isTypeError, read: readUuid },
    seeds: texts(uuids),
    mutate: mutateDigits,
  }),
  readerTarget({
    ...{ name: 'infiniband addresses', share: 1, refuses: isTypeError, read: readNicAddress },
    ...{ seeds: texts(nicAddresses), mutate: mutateDigits },
  }),
];
