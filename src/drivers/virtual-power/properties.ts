import { Fault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import type { SshTarget } from '#tools/ssh-files.ts';
import { withoutBrackets } from '../driver-info.ts';
import type { NodeFacts, Properties } from '../interfaces.ts';
import { type HypervisorName, hypervisorTable } from './hypervisors.ts';

/** The settings `virtual_power.*`: the hypervisor of all nodes without their own. Empty = not set. */
export type VirtualPowerDefaults = {
  readonly ssh_host: string;
  readonly ssh_port: number;
  readonly type: string;
  readonly host_user: string;
  readonly host_pass: string;
  /** Path of a private key. */
  readonly host_key: string;
  /** Path of a known_hosts file, for all hosts. */
  readonly known_hosts: string;
  readonly libvirt_uri: string;
};

const types = Object.keys(hypervisorTable);

export const virtualPowerProperties: Properties = {
  ssh_address: {
    help: 'IP address or host name of the hypervisor. Absent: that of the setting virtual_power.ssh_host, with the port, kind, user and key of the other settings virtual_power.*.',
  },
  ssh_port: { help: 'TCP port of the SSH server of the hypervisor.', default: '22' },
  ssh_username: { help: 'User on the hypervisor, who may control its machines.' },
  ssh_password: { help: 'Password of that user, where there is no key or the key is refused.', secret: true },
  ssh_key_contents: { help: 'Private key of that user, without a passphrase.', secret: true },
  ssh_key_filename: { help: 'Path of a file with the private key, on the host of Ingot.' },
  ssh_host_key: {
    help:
      'Public key of the hypervisor (`ssh-ed25519 AAAA…`) or its fingerprint (`SHA256:…`); several on lines of their own. ' +
      'Default: the file of the setting virtual_power.known_hosts. Without either nothing is sent there.',
  },
  ssh_virt_type: { help: `Kind of hypervisor: ${types.join(' or ')}.`, default: 'virsh' },
  libvirt_uri: {
    help: 'libvirt connection that virsh uses on the hypervisor.',
    default: 'the setting virtual_power.libvirt_uri',
  },
};

export type VirtualPowerSettings = { readonly target: SshTarget; readonly type: HypervisorName; readonly uri: string };

/** OpenSSH would parse a leading dash as an option. */
const hostPattern = /^[A-Za-z0-9_[:][A-Za-z0-9_.:%\]-]*$/;
const userPattern = /^[^\s'"`\\;&<>|(){}$@-][^\s'"`\\;&<>|(){}$]*$/;
const hostKeyPattern = /^(?:SHA256:[A-Za-z0-9+/]{43}|(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]{40,}={0,2})$/;

/** @throws Fault `driverInfo`; its text never contains a secret. */
export function readVirtualPowerSettings(node: NodeFacts, defaults: VirtualPowerDefaults): VirtualPowerSettings {
  const { name, uuid, driver_info: info } = node;
  const wrong = (detail: string) => new Fault('driverInfo', { node: name ?? uuid, detail });
  const text = (key: string): string => readText(info[key], () => wrong(`${key} must be text`));
  // The settings' user and secrets are used only for the settings' host.
  const own = withoutBrackets(text('ssh_address').trim());
  const site = own === '' ? defaults : noDefaults;
  const host = own || site.ssh_host;
  if (host === '') throw wrong('ssh_address is missing');
  if (!hostPattern.test(host)) throw wrong('ssh_address must be an IP address or a host name');
  const port = Number(text('ssh_port') || site.ssh_port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw wrong('ssh_port must be a number from 1 to 65535');
  const user = text('ssh_username') || site.host_user;
  if (!userPattern.test(user)) throw wrong(user === '' ? 'ssh_username is missing' : 'ssh_username must be a user name');
  const type = text('ssh_virt_type') || site.type;
  if (!isType(type)) throw wrong(`ssh_virt_type must be ${types.join(' or ')}`);
  const password = text('ssh_password') || site.host_pass;
  if (/[\r\n\0]/.test(password)) throw wrong('ssh_password must be one line');
  const key = readKey(text, site);
  if (password === '' && !key) throw wrong('one of ssh_password, ssh_key_contents and ssh_key_filename is needed');
  const hostKeys = readHostKeys(text('ssh_host_key'), wrong);
  if (node.ports.length === 0) throw wrong('the node has no port: its machine is found by the MAC addresses of its ports');
  return {
    type,
    uri: readUri(text('libvirt_uri'), wrong) || defaults.libvirt_uri,
    target: {
      host,
      port,
      user,
      hostKeys,
      ...(password !== '' && { password }),
      ...(key && { key }),
      ...(defaults.known_hosts !== '' && { knownHosts: defaults.known_hosts }),
    },
  };
}

/** `ext` transport and some URI parameters name programs that virsh runs: allowed in settings, not in a node. */
function readUri(uri: string, wrong: (detail: string) => Fault): string {
  const plain = uri.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  if (!/^[a-z]+\+ext:|[?&;]\s*(command|netcat)\s*=/i.test(plain) && !/^-|[\0\r\n]/.test(plain)) return uri;
  throw wrong('libvirt_uri must not name programs (the way ext, the parameters command and netcat)');
}

const noDefaults = { ssh_host: '', ssh_port: 22, type: 'virsh', host_user: '', host_pass: '', host_key: '' };

/** Numbers are accepted, too. */
function readText(value: Json | undefined, wrong: () => Fault): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw wrong();
}

function isType(type: string): type is HypervisorName {
  return Object.hasOwn(hypervisorTable, type);
}

function readKey(text: (key: string) => string, site: { readonly host_key: string }): SshTarget['key'] {
  const contents = text('ssh_key_contents');
  // Keys pasted on a command line contain `\n` in place of line breaks.
  if (contents !== '') return { contents: contents.includes('\n') ? contents : contents.replaceAll('\\n', '\n') };
  const file = text('ssh_key_filename') || site.host_key;
  return file === '' ? undefined : { file };
}

/** A key as in known_hosts, authorized_keys or `ssh-keyscan` output: type and data, anywhere in the line. */
function readHostKeys(text: string, wrong: (detail: string) => Fault): string[] {
  const lines = text.split(/[\n,]/).map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const words = line.split(/\s+/);
      const at = words.findIndex((word) => /^(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-/.test(word));
      const key = at < 0 ? line : words.slice(at, at + 2).join(' ');
      if (!hostKeyPattern.test(key)) throw wrong('ssh_host_key must be a public key (`ssh-ed25519 AAAA…`) or `SHA256:…`');
      return key;
    });
}
