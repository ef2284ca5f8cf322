/** User texts, compared with other programs' interpretation: numbers, keys, extra specs, addresses, names. */
import { spawnSync } from 'node:child_process';
import { createECDH } from 'node:crypto';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { faultOfNumbers } from '#api/http/exact-json.ts';
import { Fault } from '#domain/faults.ts';
import { formatAddress, formatCidr, isIn, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import { readRequirements } from '#engine/scheduler/choose-requirements.ts';
import { hostNameOf } from '#engine/servers/host-names.ts';
import { checkExtraSpec, refuseMiscased } from '#services/compute/extra-spec-rules.ts';
import { readPublicKey } from '#services/compute/ssh-public-key.ts';
import { aFlavor } from '#test/a-cloud.ts';
import { pick, type Roll } from './dice.ts';
import { someJsonText } from './json-texts.ts';
import { mutateBytes, randomBytes } from './mutations.ts';
import { diceOf, readerTarget, reasonOf, seedInput, type Target, type Verdict } from './target.ts';

const isBadRequest = (error: Error) => error instanceof Fault && error.code === 'badRequest';
const text = (value: string) => Buffer.from(value);

/** The reference is the engine's own parser, which returns each number's original text. */
const numberTarget: Target = {
  ...{ name: 'numbers in json bodies', share: 4 },
  open: () => ({
    make: seedInput,
    feed(input): Verdict {
      const { json, isExact } = someJsonText(diceOf(input));
      const fault = faultOfNumbers(json);
      if ((fault === null) !== isExact) throw new Error(`${json}: ${fault?.message ?? 'taken, though a number in it changes'}`);
      return fault === null ? { read: true } : { read: false, reason: fault.message };
    },
  }),
};

function field(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

type KeyKind = readonly [type: string, ...fields: Buffer[]];

/** The base point of the curve: a key whose private half is 1. */
function pointOn(curve: string): Buffer {
  const pair = createECDH(curve);
  pair.setPrivateKey(Buffer.of(1));
  return pair.getPublicKey();
}

const modulus = (bytes: number) => Buffer.concat([Buffer.of(0, 0xc1), Buffer.alloc(bytes - 1, 0x5b)]);
const exponent = Buffer.of(1, 0, 1);
const application = text('ssh:');
const keyKinds: readonly KeyKind[] = [
  ['ssh-rsa', exponent, modulus(128)],
  ['ssh-rsa', exponent, modulus(256)],
  ['ssh-ed25519', Buffer.alloc(32, 7)],
  ['ecdsa-sha2-nistp256', text('nistp256'), pointOn('prime256v1')],
  ['ecdsa-sha2-nistp384', text('nistp384'), pointOn('secp384r1')],
  ['ecdsa-sha2-nistp521', text('nistp521'), pointOn('secp521r1')],
  ['sk-ssh-ed25519@openssh.com', Buffer.alloc(32, 9), application],
  ['sk-ecdsa-sha2-nistp256@openssh.com', text('nistp256'), pointOn('prime256v1'), application],
];

const keyLine = (type: string, blob: Buffer, comment = ' me') => `${type} ${blob.toString('base64')}${comment}`;
const blobOf = (type: string, fields: readonly Buffer[]) => Buffer.concat([text(type), ...fields].map(field));

/** A field with other length or content, one field more or less, mutated bytes, another name, or the original text. */
function someKey(roll: Roll): string {
  const [type, ...fields] = pick(keyKinds, roll);
  const kind = roll(7);
  if (kind === 0) return keyLine(type, blobOf(type, fields));
  if (kind === 1) return keyLine(type, mutateBytes(blobOf(type, fields), roll));
  if (kind === 2) return keyLine(pick(keyKinds, roll)[0], blobOf(type, fields));
  if (kind === 3) return mutateBytes(text(keyLine(type, blobOf(type, fields))), roll).toString('latin1');
  if (kind === 4)
    return keyLine(type, blobOf(type, [...fields, randomBytes(roll(40), roll)]), pick(['', '\n', '\r\n', '\t x'], roll));
  const at = roll(fields.length);
  const changed =
    kind === 5
      ? mutateBytes(fields[at] as Buffer, roll)
      : pick(
          keyKinds.flatMap(([, ...each]) => each),
          roll,
        );
  return keyLine(type, blobOf(type, fields.with(at, changed)));
}

/** sshd rejects what ssh-keygen rejects: a user who uploads such a key is locked out. */
const keyTarget: Target = {
  name: 'ssh public keys',
  // Each accepted key costs a process.
  ...{ share: 0.2, slowMs: 500 },
  open: () => ({
    make: (roll) => text(someKey(roll)),
    feed(input): Verdict {
      const line = input.toString('utf8');
      try {
        readPublicKey(line);
      } catch (error) {
        return { read: false, reason: reasonOf(error, isBadRequest) };
      }
      const { status, error, stderr } = spawnSync('ssh-keygen', ['-l', '-f', '-'], {
        input: `${line.trim()}\n`,
        encoding: 'utf8',
      });
      if (error === undefined && status !== 0) throw new Error(`ssh-keygen does not read it: ${stderr.slice(0, 200)}`);
      return { read: true };
    },
  }),
};

const namespaces = [
  'resources',
  'resources1',
  'resources_A',
  'resources-b',
  'trait',
  'trait2',
  'trait_x',
  'trait-3',
  'capabilities',
];
const others = ['Resources', 'RESOURCES', 'Trait', 'Capabilities', 'hw', 'quota', 'baremetal', '', 'resource', 'toString'];
const specNames = [
  'VCPU',
  'MEMORY_MB',
  'DISK_GB',
  'CUSTOM_GOLD',
  'HW_CPU_X86_VMX',
  'boot_mode',
  'a:b',
  '',
  'custom_gold',
  'constructor',
];
const specValues = ['1', '0', '2', 'required', 'forbidden', 's== uefi', '', ' ', '1.5', '-1', '99999999999', 'True'];

function someSpec(roll: Roll): string {
  const namespace = roll(3) > 0 ? pick(namespaces, roll) : pick(others, roll);
  return `${namespace}:${pick(specNames, roll)}=${pick(specValues, roll)}`;
}

/** The scheduler must honour an accepted spec under one of its names: an ignored spec would select any machine. */
function readSpec(input: Buffer): void {
  const [key = '', ...values] = input.toString().split('=');
  const value = values.join('=');
  refuseMiscased(key);
  checkExtraSpec(key, value);
  const [namespace = '', ...rest] = key.split(':');
  const name = rest.join(':');
  const { vcpus, memory_mb, local_gb, ...asked } = readRequirements({ ...aFlavor, extra_specs: { [key]: value } });
  const sizes = { VCPU: vcpus, MEMORY_MB: memory_mb, DISK_GB: local_gb }[name];
  const ignored = new Error(`'${key}' was taken and means nothing`);
  if (rest.length === 0 || name === '') return;
  if (/^resources[\w-]*$/.test(namespace) && (sizes ?? asked.resources[name] ?? 0) !== Number(value)) throw ignored;
  if (/^trait[\w-]*$/.test(namespace) && !asked.traits.some((trait) => trait.name === name)) throw ignored;
  if (namespace === 'capabilities' && asked.capabilities[name] !== value) throw ignored;
}

const addressParts = [
  '10.0.0.5',
  '255.255.255.255',
  '0.0.0.0',
  '::',
  '::1',
  'fd00::5',
  '1:2:3:4:5:6:7:8',
  '1::',
  '::ffff:10.0.0.1',
  '0:0:1::0:0',
];
const prefixes = ['/0', '/1', '/8', '/24', '/31', '/32', '/33', '/64', '/127', '/128', '/129', '/', '/024', '/-1', '//8', ''];
const slips = ['.', ':', '::', '/', '0', '1', 'f', 'g', ' ', '%eth0', '256', '00'];

function someAddress(roll: Roll): string {
  let made = pick(addressParts, roll);
  for (let times = roll(3); times > 0; times -= 1) {
    const at = roll(made.length + 1);
    made = made.slice(0, at) + pick(slips, roll) + made.slice(at + roll(3));
  }
  return made + pick(prefixes, roll);
}

const versionOf = (address: string) => (isIPv4(address) ? 4 : isIPv6(address) && !address.includes('%') ? 6 : undefined);

function readNetwork(input: Buffer): void {
  const [address = ''] = input.toString().split('/');
  const parsed = parseAddress(address);
  if (parsed?.version !== versionOf(address))
    throw new Error(`'${address}' is ${parsed?.version} to us, ${versionOf(address)} to Node.js`);
  if (parsed === undefined) throw new TypeError(`'${address.slice(0, 60)}' is no address`);
  const host = parsed.version === 4 ? address : `[${address}]`;
  const plain = new URL(`http://${host}/`).hostname.replace(/^\[|\]$/g, '');
  if (formatAddress(parsed) !== plain) throw new Error(`'${address}' became ${formatAddress(parsed)}, not ${plain}`);
  const cidr = parseCidr(input.toString());
  if (cidr === undefined) throw new TypeError('it is no network');
  checkNetwork(address, cidr);
}

/** The addresses around its ends are in it for Node.js if and only if they are for us. */
function checkNetwork(address: string, cidr: NonNullable<ReturnType<typeof parseCidr>>): void {
  const { version, prefix, first, last } = cidr;
  if (parseCidr(formatCidr(cidr))?.first !== first) throw new Error(`${formatCidr(cidr)} is another network than it was`);
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const theirs = new BlockList();
  theirs.addSubnet(address, prefix, family);
  const largest = (1n << (version === 4 ? 32n : 128n)) - 1n;
  for (const value of [first - 1n, first, last, last + 1n].filter((each) => each >= 0n && each <= largest)) {
    const near = formatAddress({ version, value });
    if (isIn({ version, value }, cidr) !== theirs.check(near, family)) throw new Error(`is ${near} in ${formatCidr(cidr)}?`);
  }
}

const nameParts = [
  'web',
  'Web 1',
  'a.example.org',
  '-',
  '--',
  '_',
  'ü',
  '日本',
  '🖥',
  'x'.repeat(70),
  '\u0000',
  ' ',
  '1',
  '.',
  '\u00ad',
];
const id = '3f1a5f60-5d1e-4a34-8a05-3d1f0a6b2c77';

/** RFC 1123 section 2.1; names of servers that were requested together differ. */
function readName(input: Buffer): void {
  const names = [undefined, 0, 9, 998].map((index) => hostNameOf({ id, name: input.toString() }, index));
  const odd = names.find((name) => !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(name));
  if (odd !== undefined) throw new Error(`${JSON.stringify(odd)} is no host name`);
  const numbered = names.slice(1).filter((name) => !name.startsWith('Server-'));
  if (new Set(numbered).size < numbered.length) throw new Error(`two servers are called ${numbered[0]}`);
}

/** Seeds are not only mutated byte by byte: combinations of pieces reach more code. */
const piecesTarget = (row: { name: string; share: number; some: (roll: Roll) => string; read(input: Buffer): void }): Target => {
  const { some, ...target } = row;
  const seeds = () => [text('a')];
  const mutate = (_: Buffer, roll: Roll) => {
    const made = text(some(roll));
    return roll(8) === 0 ? mutateBytes(made, roll) : made;
  };
  return readerTarget({ ...target, seeds, mutate, refuses: (error) => isBadRequest(error) || error instanceof TypeError });
};

export const requestTextTargets: readonly Target[] = [
  numberTarget,
  keyTarget,
  piecesTarget({ name: 'flavor extra specs', share: 2, some: someSpec, read: readSpec }),
  piecesTarget({ name: 'addresses and networks', share: 3, some: someAddress, read: readNetwork }),
  piecesTarget({
    ...{ name: 'host names', share: 1, read: readName },
    some: (roll) => Array.from({ length: 1 + roll(5) }, () => pick(nameParts, roll)).join(''),
  }),
];
