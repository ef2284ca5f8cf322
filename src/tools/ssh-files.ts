/**
 * The files that OpenSSH reads for one connection, in a folder that only this user can read. Secret files are removed
 * once the connection is open.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSmallFile } from './small-file.ts';
import { SshError } from './ssh-error.ts';

export type SshTarget = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly key?: { readonly file: string } | { readonly contents: string };
  /** Accepted public keys (`ssh-ed25519 AAAA…`) or fingerprints (`SHA256:…`) of the host. */
  readonly hostKeys: readonly string[];
  /** A known_hosts file, used if `hostKeys` is empty. */
  readonly knownHosts?: string;
};

export type SshFiles = {
  readonly folder: string;
  readonly socket: string;
  /** `-o` options that name the files. */
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  dropSecrets(): Promise<void>;
  remove(): Promise<void>;
};

/** Replaces host and port, so that a pinned key does not depend on their spelling. */
const alias = 'pinned';

/** OpenSSH expands `%`, `~` and `${}` in paths, and limits a socket path to 108 bytes, 17 of which it uses itself. */
const plainPath = /^[\w./-]{1,60}$/;

/** Maximum size of a known_hosts file (bytes). */
const fileMax = 4 * 1024 * 1024;

/** Answers only the password prompt. OpenSSH passes no descriptor on, so this has to be a file. */
const askpass = '#!/bin/sh\ncase "$1" in *assword*) cat "$INGOT_SSH_SECRET" ;; *) exit 1 ;; esac\n';

/** Called with the host's key; prints a known_hosts line for it if its fingerprint is pinned. */
const knownHost = '#!/bin/sh\ngrep -qxF -- "$2" "$1" && echo "$3 $4 $5"\nexit 0\n';

/** @param directory parent of the folder; the system's temporary folder if OpenSSH cannot handle its path */
export async function writeSshFiles(directory: string, target: SshTarget): Promise<SshFiles> {
  const folder = await mkdtemp(join(plainPath.test(directory) ? directory : tmpdir(), 'ssh-'));
  const write = (name: string, content: string, mode = 0o600) => writeFile(join(folder, name), content, { mode });
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const secret = target.password === undefined ? [] : await writePassword(write, target.password);
    const key = target.key ? await writeKey(write, folder, target) : ['-o', 'PubkeyAuthentication=no'];
    const trust = await writeHostKeys(write, folder, target);
    return {
      folder,
      socket: join(folder, 's'),
      options: [...key, ...trust],
      env: secret.length ? { SSH_ASKPASS: join(folder, 'askpass'), INGOT_SSH_SECRET: join(folder, 'secret') } : {},
      async dropSecrets() {
        for (const name of ['key', 'secret', 'askpass']) await rm(join(folder, name), { force: true });
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

type Write = (name: string, content: string, mode?: number) => Promise<void>;

async function writePassword(write: Write, password: string): Promise<string[]> {
  await write('secret', `${password}\n`);
  await write('askpass', askpass, 0o700);
  return ['secret', 'askpass'];
}

async function writeKey(write: Write, folder: string, { key, password }: SshTarget): Promise<string[]> {
  if (!key) return [];
  const text = 'file' in key ? await readOwn(key.file, 'private key') : key.contents;
  // OpenSSH rejects keys with CR line endings or without a final newline.
  const contents = `${text.replaceAll(/\r\n?/g, '\n').trimEnd()}\n`;
  if (!/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----$/m.test(contents))
    throw new SshError('unusable', 'the private key is malformed: no line "-----BEGIN … PRIVATE KEY-----"');
  // Otherwise the error would be that the host rejected it. With a password OpenSSH falls back to that.
  if (password === undefined && hasPassphrase(contents))
    throw new SshError('unusable', 'the private key has a passphrase; remove it with `ssh-keygen -p`');
  await write('key', contents);
  return ['-o', `IdentityFile=${join(folder, 'key')}`];
}

/** RFC 1421 and 5958 state it as text; OpenSSH's own form (PROTOCOL.key) names a cipher, or `none`, after its magic. */
function hasPassphrase(contents: string): boolean {
  if (/^(?:Proc-Type: 4,ENCRYPTED|-----BEGIN ENCRYPTED PRIVATE KEY-----)$/m.test(contents)) return true;
  const [, body = ''] = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]*)/.exec(contents) ?? [];
  const magic = 'openssh-key-v1\0';
  const bytes = Buffer.from(body, 'base64');
  if (bytes.length < magic.length + 4 || bytes.toString('latin1', 0, magic.length) !== magic) return false;
  const length = bytes.readUInt32BE(magic.length);
  return bytes.toString('latin1', magic.length + 4, magic.length + 4 + length) !== 'none';
}

async function writeHostKeys(write: Write, folder: string, { hostKeys, knownHosts }: SshTarget): Promise<string[]> {
  const pins = hostKeys.filter((key) => key.startsWith('SHA256:'));
  const keys = hostKeys.filter((key) => !key.startsWith('SHA256:'));
  const isPinned = hostKeys.length > 0;
  const known =
    isPinned || !knownHosts ? keys.map((key) => `${alias} ${key}\n`).join('') : await readOwn(knownHosts, 'known_hosts');
  await write('known_hosts', known);
  const options = ['-o', `UserKnownHostsFile=${join(folder, 'known_hosts')}`];
  if (isPinned) options.push('-o', `HostKeyAlias=${alias}`);
  if (pins.length === 0) return options;
  await write('pins', pins.map((pin) => `${pin}\n`).join(''));
  await write('known-host', knownHost);
  const command = `/bin/sh ${join(folder, 'known-host')} ${join(folder, 'pins')} %f %H %t %K`;
  return [...options, '-o', `KnownHostsCommand=${command}`];
}

async function readOwn(path: string, what: string): Promise<string> {
  try {
    return await readSmallFile(path, fileMax);
  } catch (error) {
    throw new SshError('unusable', `the ${what} file ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** `ssh-ed25519 AAAA…` → `SHA256:…`, as OpenSSH prints it. */
export function fingerprintOf(publicKey: string): string {
  const [, data = ''] = publicKey.trim().split(/\s+/);
  return `SHA256:${createHash('sha256').update(Buffer.from(data, 'base64')).digest('base64').replace(/=+$/, '')}`;
}
