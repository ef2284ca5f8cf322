/**
 * `ingot serve` started as root continues as another user, with only the capabilities that the settings need. See
 * docs/decisions/0017-privileges.md.
 */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Account, asAccount, type Capability } from '#domain/privileges.ts';
import type { Settings } from '#settings.ts';

/** Default account, used if it exists and the settings name none. */
const ownAccount = 'ingot';
const program = fileURLToPath(new URL('../main.ts', import.meta.url));

type Refusal = { readonly reason: string };

/** Does not return if the process continues as another user. Throws if the settings name an unusable account. */
export function leaveRoot(settings: Settings, warn: (line: string) => void): void {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return;
  const wanted = settings['process.user'];
  if (wanted === 'root') return;
  const account = findAccount(wanted || ownAccount);
  const refusal = account ? whyNot(account, settings) : { reason: `there is no user ${wanted || ownAccount}` };
  if (account && !refusal) goOnAs(account, capabilitiesFor(settings));
  const reason = (refusal as Refusal).reason;
  if (wanted) throw new Error(`cannot run as ${wanted} (setting process.user): ${reason}`);
  warn(`running as root, since ${reason}; \`adduser --system --group ${ownAccount}\`, or see process.user in ingot serve --help`);
}

/** All listeners except the API's. */
const portSettings = [
  'provisioning.http_port',
  'provisioning.https_port',
  'provisioning.deploy_helper_port',
  'redfish.events_https_port',
] as const;

/** The capabilities that the listeners, dnsmasq and the namespaces of routers need. */
export function capabilitiesFor(settings: Settings): Capability[] {
  if (settings['network.router']) return ['net_bind_service', 'net_raw', 'net_admin', 'sys_admin'];
  if (settings['provisioning.interface']) return ['net_bind_service', 'net_raw', 'net_admin'];
  const listen = Number(/:(\d+)$/.exec(settings['api.listen'])?.[1] ?? 65_535);
  const ports = [listen, ...portSettings.map((name) => settings[name])];
  return ports.some((port) => port > 0 && port < 1024) ? ['net_bind_service'] : [];
}

/** By name or number; a number needs no passwd entry. */
function findAccount(user: string): Account | undefined {
  if (/^\d+$/.test(user)) return { uid: Number(user), gid: Number(user) };
  try {
    const [, , uid, gid] = execFileSync('getent', ['passwd', user], { encoding: 'utf8' }).split(':');
    return { uid: Number(uid), gid: Number(gid) };
  } catch {
    return undefined;
  }
}

function whyNot(account: Account, settings: Settings): Refusal | undefined {
  if (settings['api.listen'].startsWith('fd:')) return { reason: 'an inherited socket (api.listen) would be lost' };
  if (!canRead(account, program) || !canRead(account, process.execPath))
    return { reason: `that user cannot read ${program} (check the permissions of its parent folders)` };
  const folder = settings.state_dir;
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  else if (statSync(folder).uid !== account.uid && readdirSync(folder).length > 0)
    return { reason: `the state folder belongs to another user: chown -R ${account.uid}:${account.gid} ${folder}` };
  chownSync(folder, account.uid, account.gid);
  return undefined;
}

function canRead(account: Account, file: string): boolean {
  try {
    execFileSync('setpriv', [...asAccount(account, []), 'test', '-r', file], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The same process, by exec, so that a supervisor notices no change. */
function goOnAs(account: Account, capabilities: readonly Capability[]): never {
  const words = [
    'setpriv',
    ...asAccount(account, capabilities),
    '--',
    process.execPath,
    ...process.execArgv,
    ...process.argv.slice(1),
  ];
  // A parent may have set a parent-death signal, which the kernel clears on a change of user.
  return process.execve?.('/usr/bin/setpriv', words, process.env as NodeJS.Dict<string>) as never;
}
