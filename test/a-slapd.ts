/** A real directory (Debian's slapd) on loopback, with its configuration and database in a folder of its own. */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** The reason to skip, or false. */
export const withoutSlapd =
  spawnSync('slapd', ['-VV']).error === undefined ? false : 'slapd is not installed (apt: slapd ldap-utils)';

export const suffix = 'dc=example,dc=org';
export const readerDn = `cn=reader,${suffix}`;
export const readerPassword = 'reads only';
const rootDn = `cn=root,${suffix}`;
const rootPassword = 'writes';

export type Slapd = {
  readonly url: string;
  /** With TLS from the start, of the certificate in `authority`. */
  readonly tlsUrl: string;
  readonly authority: string;
  /** LDIF with `changetype`, as its administrator. */
  modify(ldif: string): Promise<void>;
  /** Settings of Ingot for it. */
  readonly settings: Readonly<Record<string, string>>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
};

export async function startSlapd(ldif: string, { limits = '' } = {}): Promise<Slapd> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-slapd-'));
  const [port, tlsPort] = [await freePort('tcp'), await freePort('tcp')];
  const urls = { url: `ldap://127.0.0.1:${port}`, tlsUrl: `ldaps://127.0.0.1:${tlsPort}` };
  const authority = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const subject = ['-subj', '/CN=directory', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile, '-out', authority];
  execFileSync('openssl', ['req', '-x509', ...made, ...subject], { stdio: 'ignore' });
  const configuration = join(folder, 'slapd.conf');
  await mkdir(join(folder, 'data'));
  await writeFile(configuration, configurationIn(folder, { keyFile, authority, limits }), { mode: 0o600 });
  await chmod(folder, 0o700);
  execFileSync('slapadd', ['-f', configuration], { input: `${baseLdif}${ldif}`, stdio: ['pipe', 'ignore', 'inherit'] });
  const start = () => run(configuration, { urls: `${urls.url}/ ${urls.tlsUrl}/`, port });
  let end = await start();
  return {
    ...urls,
    authority,
    settings: {
      ...{ 'ldap.url': urls.url, 'ldap.domain_name': 'people', 'ldap.user': readerDn, 'ldap.password': readerPassword },
      ...{ 'ldap.user_tree_dn': `ou=people,${suffix}`, 'ldap.group_tree_dn': `ou=groups,${suffix}` },
      ...{ 'ldap.user_id_attribute': 'employeeNumber', 'ldap.user_name_attribute': 'uid' },
      ...{ 'ldap.user_enabled_attribute': 'businessCategory', 'ldap.group_name_attribute': 'cn' },
    },
    async modify(text) {
      const as = ['-x', '-H', urls.url, '-D', rootDn, '-w', rootPassword];
      const child = execFile('ldapmodify', as);
      child.stdin?.end(text);
      let errors = '';
      child.stderr?.on('data', (data: string) => (errors += data));
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error(`ldapmodify ended with ${code}: ${errors}`);
    },
    async pause() {
      await end();
    },
    async resume() {
      end = await start();
    },
    async close() {
      await end();
      await rm(folder, { recursive: true });
    },
  };
}

/** LDIF of a user. `more`: further lines. */
export function ldifUser(uid: string, number: string, more: readonly string[] = []): string {
  const lines = [
    ...[`dn: uid=${uid},ou=people,${suffix}`, 'objectClass: inetOrgPerson', `uid: ${uid}`, `cn: ${uid}`, `sn: ${uid}`],
    ...[`employeeNumber: ${number}`, `mail: ${uid}@example.org`, `userPassword: secret of ${uid}`, ...more],
  ];
  return `${lines.join('\n')}\n\n`;
}

export function ldifGroup(cn: string, members: readonly string[]): string {
  const lines = members.map((uid) => `member: uid=${uid},ou=people,${suffix}`);
  return [`dn: cn=${cn},ou=groups,${suffix}`, 'objectClass: groupOfNames', `cn: ${cn}`, ...lines, '', ''].join('\n');
}

const baseLdif = [
  [`dn: ${suffix}`, 'objectClass: dcObject', 'objectClass: organization', 'o: Example', 'dc: example'],
  [`dn: ou=people,${suffix}`, 'objectClass: organizationalUnit', 'ou: people'],
  [`dn: ou=groups,${suffix}`, 'objectClass: organizationalUnit', 'ou: groups'],
  [
    `dn: ${readerDn}`,
    'objectClass: organizationalRole',
    'objectClass: simpleSecurityObject',
    'cn: reader',
    `userPassword: ${readerPassword}`,
  ],
]
  .map((lines) => `${lines.join('\n')}\n\n`)
  .join('');

function configurationIn(
  folder: string,
  { keyFile, authority, limits }: { keyFile: string; authority: string; limits: string },
): string {
  return [
    ...['core', 'cosine', 'inetorgperson', 'nis'].map((name) => `include /etc/ldap/schema/${name}.schema`),
    ...['modulepath /usr/lib/ldap', 'moduleload back_mdb', `pidfile ${folder}/pid`],
    ...[`TLSCertificateFile ${authority}`, `TLSCertificateKeyFile ${keyFile}`],
    // As some directories are: a name without a password is taken.
    'allow bind_anon_dn',
    limits,
    ...['database mdb', `suffix "${suffix}"`, `rootdn "${rootDn}"`, `rootpw ${rootPassword}`, `directory ${folder}/data`],
    ...['access to attrs=userPassword by anonymous auth by * none', `access to * by dn.exact="${readerDn}" read by * none`, ''],
  ].join('\n');
}

/** @returns a function that stops it */
async function run(configuration: string, { urls, port }: { urls: string; port: number }): Promise<() => Promise<void>> {
  // With a level of messages it stays in the foreground.
  const child = spawn('slapd', ['-d', '0', '-h', urls, '-f', configuration], { stdio: 'ignore' });
  const gone = once(child, 'exit');
  await Promise.race([
    untilOpen(port),
    gone.then(([code]) => {
      throw new Error(`slapd ended with ${code}`);
    }),
  ]);
  return async () => {
    child.kill('SIGKILL');
    await gone;
  };
}

async function untilOpen(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const [event] = await Promise.race([
      once(socket, 'connect').then(() => ['open'] as const),
      once(socket, 'error').then(() => ['closed'] as const),
    ]).catch(() => ['closed'] as const);
    socket.destroy();
    if (event === 'open') return;
    await pause(50);
  }
}
