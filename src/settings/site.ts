/** Settings that several parts read, in the order in which `serve --help` lists them. */
import { isIP, isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { address, boolean, integer, list, oneOf, portNumber, type Setting, type SettingsOf, seconds, text } from './setting.ts';

export const apiSettings = {
  'api.listen': text(
    { default: '127.0.0.1:6385', help: 'HOST:PORT of the public API, or `fd:N` for an inherited socket' },
    { expected: 'HOST:PORT or fd:N', isValid: isListen },
  ),
  'api.public_url': text({ help: 'URL of the API in the service catalogue; default: derived from the listen address' }),
  'api.trusted_proxies': list(
    { help: 'Addresses or CIDRs of trusted proxies (X-Forwarded-For, -Host and -Proto are honoured), comma-separated' },
    { expected: 'addresses or CIDRs (other than 0.0.0.0/0 and ::/0)', isValid: isProxy },
  ),
  'api.connections': integer({
    default: 4096,
    help: 'Maximum API connections; beyond, a connection without a valid token is dropped',
  }),
  'api.connections_per_address': integer({
    default: 256,
    help: 'Maximum API connections per address (IPv6: per /64); this host is exempt',
  }),
};

export const stateSettings = {
  state_dir: folder('./state', 'Folder of the database, images, boot files and secrets'),
};

export const provisioningSettings = {
  'provisioning.address': address({
    help: 'Address on the provisioning network; empty = no network boot, fake hardware only',
  }),
  'provisioning.interface': text({ help: 'Interface dnsmasq serves DHCP and TFTP on; empty = no DHCP or TFTP from here' }),
  'provisioning.http_port': portNumber(8088, 'Port for boot files, images and agent messages over HTTP'),
  'provisioning.agent_https': boolean({
    default: true,
    help: 'Serve agent messages and config drives over HTTPS, with the certificate pinned in the kernel line; false = HTTP',
  }),
  'provisioning.https_port': portNumber(8089, 'Port for agent messages over HTTPS'),
  'provisioning.images_by_https': boolean({
    default: false,
    help: 'Serve images over HTTPS too (confidential); false = HTTP, verified by a checksum sent over HTTPS',
  }),
  'provisioning.deploy_helper_port': portNumber(10_000, 'Port of the classic deploy helper'),
  'provisioning.connections': integer({
    default: 12_288,
    help: 'Maximum connections of machines; each waiting agent holds one',
  }),
  'provisioning.connections_per_address': integer({ default: 64, help: 'Maximum connections per machine' }),
  'provisioning.cidr': text(
    { help: 'The provisioning subnet, e.g. 172.30.0.0/24' },
    { expected: 'an IPv4 subnet like 172.30.0.0/24', isValid: isSubnet },
  ),
  'provisioning.pool': text(
    { help: 'DHCP range FIRST-LAST for machines without a port on this subnet' },
    { expected: 'FIRST-LAST IPv4 addresses', isValid: isPool },
  ),
  'provisioning.gateway': address({ help: 'Default gateway for machines; empty = none' }),
  'provisioning.dns': list({ help: 'DNS servers for machines' }),
  'provisioning.tftp_root': text({ help: 'TFTP root; default: boot/tftp in the state folder' }),
  'provisioning.append': text({ default: 'nofb nomodeset vga=normal', help: 'Added to every kernel line' }),
};

export const deploySettings = {
  'deploy.kernel': text({ help: 'Deploy kernel: image id, or path of a file' }),
  'deploy.ramdisk': text({ help: 'Deploy ramdisk: image id, or path of a file' }),
  'deploy.agent': oneOf(['ingot', 'ipa'], {
    default: 'ingot',
    help: "Agent in the ramdisk of nodes whose driver_info names none: ingot, or ipa (Ironic's own)",
  }),
  'deploy.ipa_kernel': text({ help: "Deploy kernel for Ironic's own agent: image id, or path of a file" }),
  'deploy.ipa_ramdisk': text({ help: "Deploy ramdisk with Ironic's own agent: image id, or path of a file" }),
  'deploy.agent_timeout': seconds(900, 'Timeout from power on to the first agent message'),
  'deploy.image_timeout': seconds(3600, 'Timeout for writing an image'),
  'deploy.silence_timeout': seconds(180, 'Timeout without a message from a busy agent'),
};

/** Those of Glance that Ingot has. */
const importMethods = ['glance-direct', 'web-download', 'copy-image'];

export const imageSettings = {
  'images.max_gib': integer({
    default: 1024,
    max: 4_000_000,
    help: 'Maximum image size, as uploaded and as virtual size (GiB)',
  }),
  'images.reserve_mib': integer({
    default: 1024,
    help: 'Disk space of the state folder reserved from uploads, conversions and writes of members (MiB)',
  }),
  'images.upload_stall': seconds(60, 'Abort an upload or download that transfers less than 256 KiB in this time'),
  'images.fetch_urls': list(
    { help: 'Image URLs of nodes and of imports must be below one of these, comma-separated; empty = any web server' },
    { expected: 'URLs of http or https, without user, query and fragment', isValid: isUrlPrefix },
  ),
  'images.fetch_addresses': list(
    { help: 'Addresses or CIDRs from which images may be downloaded although they are loopback, link-local or of this host' },
    { expected: 'addresses or CIDRs', isValid: isNetwork },
  ),
  'images.fetch_ca_file': text({ help: 'PEM file of authorities trusted for image downloads, beside those of the system' }),
  'images.file_paths': list(
    { default: '/var/lib/ironic', help: 'Folders below which file:// URLs of images may be; empty = none' },
    { expected: 'absolute paths without ..', isValid: isPlainPath },
  ),
  'images.allow_md5': boolean({ default: true, help: 'Accept MD5 checksums of images that are given by URL' }),
  'images.property_protections': text({
    help: "File that says which roles create, read, update and delete which image properties, as Glance's property_protection_file",
  }),
  'images.import_methods': list(
    { default: 'glance-direct,web-download,copy-image', help: 'Methods by which users import image data; empty = none' },
    { expected: `some of ${importMethods.join(', ')}`, isValid: (value) => importMethods.includes(value) },
  ),
  'images.import_addresses': list(
    { help: 'Addresses or CIDRs from which users import images although they are private, loopback, link-local or of this host' },
    { expected: 'addresses or CIDRs', isValid: isNetwork },
  ),
  'images.import_ports': list(
    { default: '80,443', help: 'Ports from which users import images' },
    { expected: 'port numbers', isValid: (value) => /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535 },
  ),
  'images.import_timeout': seconds(21_600, 'How long an import of image data may take'),
  'images.staged_keep': seconds(86_400, 'How long staged image data is kept that nobody imports'),
  'images.fetched_keep': seconds(604_800, 'How long a downloaded image is kept after its last use'),
  'images.fetched_gib': integer({
    default: 100,
    max: 4_000_000,
    help: 'Disk space of downloaded images; beyond, those that no deployment uses are removed (GiB)',
  }),
};

export type ApiSettings = SettingsOf<typeof apiSettings>;
export type StateSettings = SettingsOf<typeof stateSettings>;
export type ProvisioningSettings = SettingsOf<typeof provisioningSettings>;
export type DeploySettings = SettingsOf<typeof deploySettings>;
export type ImageSettings = SettingsOf<typeof imageSettings>;

/** Absolute: other programs are told its path. */
function folder(value: string, help: string): Setting<string> {
  const row = text({ default: value, help });
  return {
    ...row,
    read(given) {
      const path = row.read(given);
      return path && resolve(path);
    },
  };
}

function isListen(value: string): boolean {
  const port = /^.+:(\d{1,5})$/.exec(value)?.[1];
  return /^fd:\d+$/.test(value) || (port !== undefined && Number(port) <= 65535);
}

/** An address, or a network with a non-zero prefix length: `0.0.0.0/0` would trust every client. */
function isProxy(value: string): boolean {
  const [host = '', prefix, ...rest] = value.split('/');
  const bits = isIP(host) === 4 ? 32 : 128;
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) > 0 && Number(prefix) <= bits);
  return isIP(host) !== 0 && !host.includes('%') && isPrefix && rest.length === 0;
}

/** An address, or a network. */
function isNetwork(value: string): boolean {
  const [host = '', prefix = '0', ...rest] = value.split('/');
  return (
    isIP(host) !== 0 &&
    !host.includes('%') &&
    /^\d{1,3}$/.test(prefix) &&
    Number(prefix) <= (isIP(host) === 4 ? 32 : 128) &&
    rest.length === 0
  );
}

function isUrlPrefix(value: string): boolean {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) return false;
  const { username, password, search, hash } = new URL(value);
  return [username, password, search, hash].every((part) => part === '');
}

function isPlainPath(value: string): boolean {
  return value.startsWith('/') && resolve(value) === value;
}

function isPool(value: string): boolean {
  const ends = value.split('-');
  return ends.length === 2 && ends.every((end) => isIPv4(end));
}

function isSubnet(value: string): boolean {
  const [host = '', prefix = '', ...rest] = value.split('/');
  return rest.length === 0 && isIPv4(host) && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32;
}
