/**
 * A real agent (Debian's snmpd) on loopback with PDU objects from `a-pdu-agent.ts`, and net-snmp's tools to query it.
 */
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PduObjects } from './a-pdu-agent.ts';
import { freePort } from './free-port.ts';

export type Snmpd = {
  readonly port: number;
  /** Output of `snmpget` for one object: `1`, or `No Such Instance currently exists at this OID`. */
  get(oid: string): Promise<string>;
  set(oid: string, value: number): Promise<void>;
  /**
   * Restarts it on the same port, like a PDU that loses power. `forgets`: it loses its engine id and boot counter, like
   * a PDU that was reset or replaced.
   */
  restart(options?: { forgets?: boolean }): Promise<void>;
  close(): Promise<void>;
};

export const snmpdUsers = {
  strong: { user: 'strong', auth: 'sha256', authKey: 'authentic-password', priv: 'aes', privKey: 'private-password' },
  longest: { user: 'longest', auth: 'sha512', authKey: 'authentic-password', priv: 'aes256blmt', privKey: 'private-password' },
  cisco: { user: 'cisco', auth: 'sha384', authKey: 'authentic-password', priv: 'aes256', privKey: 'private-password' },
  old: { user: 'old', auth: 'md5', authKey: 'authentic-password', priv: 'des', privKey: 'private-password' },
  signed: { user: 'signed', auth: 'sha', authKey: 'authentic-password', priv: 'none', privKey: '' },
} as const;

export const communities = { read: 'look', write: 'touch' };

const protocolNames: Readonly<Record<string, string>> = {
  md5: 'MD5',
  sha: 'SHA',
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
  des: 'DES',
  aes: 'AES',
  aes256: 'AES-256-C',
  aes256blmt: 'AES-256',
};

export async function startSnmpd({ identity, objects }: { identity: string; objects: PduObjects }): Promise<Snmpd> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-snmpd-'));
  const port = await freePort('udp');
  const file = join(folder, 'objects.json');
  await writeFile(file, JSON.stringify(objects));
  await writeFile(join(folder, 'snmpd.conf'), configuration({ port, identity, file }), { mode: 0o600 });
  let end = await run(folder);
  const tool = async (name: string, args: string[]) => {
    const { stdout } = await promisify(execFile)(name, ['-v2c', '-c', communities.write, '-Oqv', `127.0.0.1:${port}`, ...args]);
    return stdout.trim();
  };
  return {
    port,
    get: (oid) => tool('snmpget', [oid]),
    async set(oid, value) {
      await tool('snmpset', [oid, 'i', String(value)]);
    },
    async restart({ forgets = false } = {}) {
      await end();
      if (forgets) {
        await rm(join(folder, 'persistent'), { recursive: true });
        await appendFile(join(folder, 'snmpd.conf'), `engineID ${randomUUID().slice(0, 8)}\n`);
      }
      end = await run(folder);
    },
    async close() {
      await end();
      await rm(folder, { recursive: true });
    },
  };
}

function configuration({ port, identity, file }: { port: number; identity: string; file: string }): string {
  const agent = `${process.execPath} --disable-warning=ExperimentalWarning ${join(import.meta.dirname, 'a-pdu-agent.ts')} ${file}`;
  const users = Object.values(snmpdUsers).flatMap(({ user, auth, authKey, priv, privKey }) => [
    `createUser ${user} ${protocolNames[auth]} "${authKey}"${priv === 'none' ? '' : ` ${protocolNames[priv]} "${privKey}"`}`,
    `rwuser ${user} ${priv === 'none' ? 'auth' : 'priv'}`,
  ]);
  return [
    `agentAddress udp:127.0.0.1:${port}`,
    `rocommunity ${communities.read}`,
    `rwcommunity ${communities.write}`,
    `sysObjectID ${identity}`,
    `pass_persist .1.3.6.1.4.1 ${agent}`,
    ...users,
    '',
  ].join('\n');
}

/** @returns a function that stops it */
async function run(folder: string): Promise<() => Promise<void>> {
  const args = ['-f', '-Lo', '-C', '-c', join(folder, 'snmpd.conf')];
  const env = { ...process.env, SNMP_PERSISTENT_DIR: join(folder, 'persistent'), MIBS: '' };
  const child = spawn('snmpd', args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const gone = once(child, 'exit');
  const up = Promise.withResolvers<void>();
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.includes('NET-SNMP version')) up.resolve();
  });
  child.on('error', up.reject);
  child.on('exit', () => up.reject(new Error(`snmpd ended: ${said}`)));
  await up.promise;
  return async () => {
    child.kill('SIGKILL');
    await gone;
  };
}
