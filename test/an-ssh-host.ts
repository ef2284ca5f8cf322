/**
 * A host with an SSH server: Debian's sshd on a loopback port, with its own keys, settings and account. Its own
 * namespaces isolate the account from this host, and end all its processes with the first.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

export const password = 'pass\'word $1 "x"';

const sshd = '/usr/sbin/sshd';
const user = 'hypervisor';
export const withoutSshd =
  process.getuid?.() === 0 ? !existsSync(sshd) && `needs ${sshd} (Debian's openssh-server)` : 'needs root, for namespaces';

export type SshHost = {
  readonly port: number;
  readonly user: string;
  /** Of the user's key: path of the private part. */
  readonly keyFile: string;
  /** `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** Programs of the host: the first folder on the PATH of logins. */
  readonly bin: string;
  readonly folder: string;
  /** Number of logins. */
  logins(): number;
  log(): string;
  stop(): Promise<void>;
  /** Restarts it on the same port. */
  start(): Promise<void>;
  /** Restarts the host with a different host key. */
  changeHostKey(): void;
  remove(): Promise<void>;
};

export async function anSshHost(options: { maxSessions?: number } = {}): Promise<SshHost> {
  const folder = mkdtempSync(join(tmpdir(), 'ssh-host-'));
  // The account's home: sshd rejects authorized_keys that others could have written.
  chmodSync(folder, 0o755);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const port = await freePort();
  const makeKey = (name: string) => {
    rmSync(join(folder, name), { force: true });
    rmSync(join(folder, `${name}.pub`), { force: true });
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(folder, name)]);
    return readFileSync(join(folder, `${name}.pub`), 'utf8').trim();
  };
  let hostKey = makeKey('host-key');
  writeFileSync(join(folder, 'authorized_keys'), `${makeKey('user-key')}\n`);
  writeFileSync(join(folder, 'sshd_config'), sshdConfig({ folder, bin, port, maxSessions: options.maxSessions ?? 10 }));
  writeAccount(folder);
  let child: ChildProcess | undefined;
  let log = '';
  const host: SshHost = {
    port,
    user,
    keyFile: join(folder, 'user-key'),
    get hostKey() {
      return hostKey;
    },
    bin,
    folder,
    logins: () => log.match(/Accepted \w+ for /g)?.length ?? 0,
    log: () => log,
    async start() {
      const started = Promise.withResolvers<void>();
      child = launch(folder);
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (text.includes('Server listening on')) started.resolve();
      });
      child.once('close', () => started.reject(new Error(`sshd did not start: ${log}`)));
      await started.promise;
    },
    async stop() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
    },
    changeHostKey() {
      hostKey = makeKey('host-key');
    },
    async remove() {
      await host.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await host.start();
  return host;
}

type Config = { folder: string; bin: string; port: number; maxSessions: number };

function sshdConfig({ folder, bin, port, maxSessions }: Config): string {
  return [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${folder}/host-key`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    `PidFile none`,
    'UsePAM no',
    'StrictModes no',
    // The account has the user id of the test.
    'PermitRootLogin yes',
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication no',
    `MaxSessions ${maxSessions}`,
    'PrintMotd no',
    `SetEnv PATH=${bin}:/usr/bin:/bin`,
    '',
  ].join('\n');
}

function writeAccount(folder: string): void {
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: `${password}\n`, encoding: 'utf8' }).trim();
  writeFileSync(join(folder, 'passwd'), `${readFileSync('/etc/passwd', 'utf8')}${user}:x:0:0::${folder}:/bin/sh\n`);
  writeFileSync(join(folder, 'shadow'), `${readFileSync('/etc/shadow', 'utf8')}${user}:${hash}:19000:0:99999:7:::\n`, {
    mode: 0o600,
  });
}

function launch(folder: string): ChildProcess {
  const privately = [
    'set -e',
    'mount -t tmpfs tmpfs /run',
    'mkdir -m 755 /run/sshd',
    `mount --bind ${folder}/passwd /etc/passwd`,
    `mount --bind ${folder}/shadow /etc/shadow`,
    `exec ${sshd} -D -e -f ${folder}/sshd_config`,
  ].join('\n');
  const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', privately];
  return spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...namespaces], { stdio: ['ignore', 'ignore', 'pipe'] });
}
