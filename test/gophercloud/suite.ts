/** gophercloud's acceptance tests, as Debian sid packs its source, compiled by Debian's Go and run one by one. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '#build/cache.ts';
import { runCommand } from '#build/run-command.ts';
import { ensureDebianRoot } from '../a-debian-root.ts';

const packages = ['golang-go', 'golang-github-gophercloud-gophercloud-dev'];
const folder = join(cacheFolder, 'gophercloud');
const tests = 'github.com/gophercloud/gophercloud/acceptance/openstack';
const programs = '/var/lib/acceptance';
const goEnvironment = {
  ...{ PATH: '/usr/bin:/bin', HOME: programs, GOCACHE: `${programs}/cache`, GOROOT: '/usr/lib/go' },
  // Debian's libraries are those of one folder, without modules; the network is not asked for any.
  ...{ GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOPROXY: 'off', GOTOOLCHAIN: 'local', GOTELEMETRY: 'off' },
};
const testMaxWait = '120s';

export type Outcome = { readonly outcome: 'passed' | 'failed' | 'skipped'; readonly words: string };

/** Compiles and runs the program of lifecycle/. @returns what it prints; throws an Error with its reason when it fails */
export async function runLifecycle(env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<string> {
  const root = await ensureDebianRoot({ folder, suite: 'sid', packages }, signal);
  mkdirSync(join(root, programs), { recursive: true });
  const [source, program] = [`${programs}/lifecycle.go`, `${programs}/lifecycle`];
  copyFileSync(join(import.meta.dirname, 'lifecycle/main.go'), join(root, source));
  await runCommand('chroot', [root, ...withEnvironment(goEnvironment), 'go', 'build', '-o', program, source], { signal });
  return runCommand('chroot', [root, ...withEnvironment(env), program], { signal });
}

export class Acceptance {
  readonly #root: string;
  readonly #program: string;

  private constructor(root: string, program: string) {
    this.#root = root;
    this.#program = program;
  }

  /** @param suite folder of the tests: `baremetal/v1` */
  static async compile(suite: string, signal: AbortSignal): Promise<Acceptance> {
    const root = await ensureDebianRoot({ folder, suite: 'sid', packages }, signal);
    mkdirSync(join(root, programs), { recursive: true });
    const program = `${programs}/${suite.replaceAll('/', '-')}.test`;
    const words = ['test', '-vet=off', '-c', '-tags', 'acceptance', '-o', program, `${tests}/${suite}`];
    await runCommand('chroot', [root, ...withEnvironment(goEnvironment), 'go', ...words], { signal });
    return new Acceptance(root, program);
  }

  /** The names of the tests, in the order of their files. */
  async list(): Promise<string[]> {
    const names = await runCommand('chroot', [this.#root, ...withEnvironment({}), this.#program, '-test.list', '.']);
    return names.split('\n').filter((name) => name.startsWith('Test'));
  }

  /** One test in a process of its own: a panic ends no other test. */
  async run(name: string, env: Readonly<Record<string, string>>): Promise<Outcome> {
    const options = ['-test.v', '-test.timeout', testMaxWait, '-test.run', `^${name}$`];
    const command = ['chroot', this.#root, ...withEnvironment(env), this.#program, ...options];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
    let words = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-20_000)));
    await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
    return { outcome: outcomeOf(name, words), words };
  }
}

function withEnvironment(variables: Readonly<Record<string, string>>): string[] {
  return ['env', '-i', ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)];
}

function outcomeOf(name: string, words: string): Outcome['outcome'] {
  if (words.includes(`--- PASS: ${name} `)) return 'passed';
  return words.includes(`--- SKIP: ${name} `) ? 'skipped' : 'failed';
}
