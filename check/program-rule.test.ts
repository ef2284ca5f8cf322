import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { programCalls } from './program-calls.ts';
import { busyboxPrograms, knownPrograms } from './program-rule.ts';
import { programTableFile, readProgramTable } from './program-table.ts';
import { shellCommands } from './shell-commands.ts';
import { root } from './sources.ts';

const table = 'coreutils before cp env sleep\nutil-linux before setpriv unshare\niproute2 lab ip\ndash before sh # the shell\n';

/** The messages for one file, with a small table. */
function messages(text: string, path = 'src/a.ts'): string[] {
  const files = [
    { path: programTableFile, text: table.replace(' # the shell', '') },
    { path, text },
  ];
  return knownPrograms(files).map(({ line, message }) => `${line} ${message}`);
}

const unknown = (name: string) => [`2 '${name}' is called, but ${programTableFile} does not name it`];
const withImport = (text: string) => `import { execFile, execFileSync, spawn } from 'node:child_process';\n${text}\n`;

const refused: Readonly<Record<string, [line: string, name: string]>> = {
  'a program by its name': ["spawn('cowsay', []);", 'cowsay'],
  'one by its path': ["execFileSync('/usr/games/cowsay', []);", 'cowsay'],
  'one by a constant': ["const toy = 'cowsay'; spawn(toy, []);", 'cowsay'],
  'one by another name of the function': ["const run = promisify(execFile); run('cowsay');", 'cowsay'],
  'one by the function in place': ["promisify(execFile)('cowsay', []);", 'cowsay'],
  'one by our own functions': ["await runTool('cowsay', ['-f', 'x']);", 'cowsay'],
  'one in a namespace': ["insideNamespace(name, ['cowsay', 'x']);", 'cowsay'],
  'one in a namespace by ip': ["spawn('ip', ['netns', 'exec', name, 'cowsay']);", 'cowsay'],
  'one that another program starts': ["spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'cowsay', ...rest]);", 'cowsay'],
  'one at the end of a list': ["rack.spawn([...['unshare', '--pid', '--mount', '--', 'cowsay'], 'x']);", 'cowsay'],
  'one in a script': ["execFileSync('sh', ['-c', 'cp a b && exec cowsay \"$1\" 2>&1', 'sh', path]);", 'cowsay'],
  'one that is only looked for': ["existsSync('/usr/bin/cowsay');", 'cowsay'],
};

for (const [what, [line, name]] of Object.entries(refused)) {
  test(`rejects ${what}`, () => {
    assert.deepEqual(messages(withImport(line)), unknown(name));
  });
}

test('accepts programs of the table, Node.js itself, and what only resembles a call', () => {
  const lines = [
    "spawn('cp', ['cowsay', 'b']); spawn(process.execPath, ['cowsay']); const [program, ...all] = insideNamespace(n, ['ip']);",
    "spawn(program, all); const node = [process.execPath, 'x']; insideNamespace(n, [...node, 'cowsay']);",
    "/a'(b)/.exec('cowsay'); // spawn('cowsay')",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a program
    "const text = `say ${x ? `it's ${y}` : 'cowsay'}`; function runTool(tool: string) {} database.exec('cowsay');",
    "execFileSync('sh', ['-c', 'echo cowsay; for x in cowsay; do sleep 1; done; case $x in cowsay) cp \"$(env)\" b ;; esac']);",
  ];
  assert.deepEqual(messages(withImport(lines.join('\n'))), []);
});

test('rejects a name from elsewhere unless the rule declares its origin', () => {
  const text = withImport('spawn(tool, []);');
  const message = "2 'tool' is called: write its name here, or tell in check/program-rule.ts where it comes from";
  assert.deepEqual(messages(text), [message]);
  assert.deepEqual(messages(text, 'src/tools/run-tool.ts'), []);
  assert.match(messages('', 'src/tools/run-tool.ts').join(), /says that it calls 'tool'; it does not/);
});

test('checks shell scripts', () => {
  const script = `#!/bin/sh
  usage() { cat <<-END
      cowsay is not called here
      END
  }
  a=$(cp "$(env x)") b=1 sleep 1 >/dev/null 2>&1 | ip a && ! sh # cowsay
  command -v dash || usage
  `;
  assert.deepEqual(
    shellCommands(script).map(({ name }) => name),
    ['cat', 'cp', 'env', 'sleep', 'ip', 'sh', 'dash'],
  );
  assert.match(messages('#!/bin/sh\ncowsay hello\n', 'bin/tool').join(), /2 'cowsay' is called/);
});

test('the ramdisk contains the programs that run in it', () => {
  const call =
    "import { runProgram } from './run-program.ts';\nrunProgram('openssl', []); runProgram('sfdisk', []); runProgram('sync');\n";
  assert.deepEqual(messages(call, 'agent/a.ts'), ["2 'openssl' is called, but build/ramdisk/profiles.ts does not name it"]);
});

test('busybox provides the applets used in the ramdisk', { skip: existsSync('/bin/busybox') ? false : 'needs busybox' }, () => {
  const applets = new Set(execFileSync('busybox', ['--list'], { encoding: 'utf8' }).split('\n'));
  assert.deepEqual(
    busyboxPrograms.filter((name) => !applets.has(name)),
    [],
  );
});

test('the table lists package, users and programs, and rejects a malformed line', () => {
  const text = '# package for programs\n\nqemu-utils serve qemu-img qemu-nbd\nseabios  lab  -\n';
  assert.deepEqual(readProgramTable(text), [
    { package: 'qemu-utils', user: 'serve', programs: ['qemu-img', 'qemu-nbd'] },
    { package: 'seabios', user: 'lab', programs: [] },
  ]);
  assert.throws(() => readProgramTable('seabios - lab\n'), /bin\/programs.txt:1: '-' is none of/);
  assert.throws(() => readProgramTable('\nseabios lab\n'), /bin\/programs.txt:2: no programs/);
});

const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');

test('README names what must be installed before bin/setup', () => {
  const [, asked = ''] = /^ +apt-get install --no-install-recommends (.+)$/m.exec(read('README.md')) ?? [];
  const before = readProgramTable(read(programTableFile)).filter(({ user }) => user === 'before');
  assert.deepEqual(asked.split(' '), before.map((row) => row.package).toSorted());
});

test('bin/setup installs everything in the table but its prerequisites', () => {
  const rows = readProgramTable(read(programTableFile));
  const wanted = rows.filter(({ user }) => user !== 'before' && user !== 'debian').map((row) => row.package);
  assert.equal(new Set(rows.map((row) => row.package)).size, rows.length);
  assert.deepEqual(execFileSync('bin/setup', ['--list'], { cwd: root, encoding: 'utf8' }).trim().split('\n'), wanted);
});

test('takes only literals in calls for programs', () => {
  assert.deepEqual(programCalls("const a = 'spawn';\nrun('cowsay');\n"), []);
});
