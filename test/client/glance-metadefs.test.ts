/** Referee test: every `md-…` command of the unmodified `glance` client. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

const python = '/usr/bin/python3';
const hasClient = spawnSync(python, ['-c', 'import glanceclient.shell']).status === 0;
const skip = hasClient ? false : 'the glance client is not installed (apt: python3-glanceclient)';
const run = promisify(execFile);

/** Loads the client once: its start takes most of a second. Each line of the argument is a command. */
const driver = `
import shlex, sys
from glanceclient.shell import OpenStackImagesShell
for line in sys.argv[1].splitlines():
    print('==', line, flush=True)
    OpenStackImagesShell().main(shlex.split(line))
`;

let fixture: ApiFixture;
let env: NodeJS.ProcessEnv;
let directory: string;
before(async () => {
  fixture = await openApiFixture();
  ({ env } = await fixture.listen());
  directory = await mkdtemp(join(tmpdir(), 'ingot-client-'));
});
after(async () => {
  await fixture.close();
  await rm(directory, { recursive: true, force: true });
});

/** @returns the output of each command; one that fails ends the run */
async function glance(...commands: readonly string[]): Promise<string[]> {
  const script = ['-W', 'ignore', '-c', driver, commands.join('\n')];
  const { stdout } = await run('sh', ['-c', 'exec "$@" <&-', 'sh', python, ...script], { env: { ...env, HOME: directory } });
  return stdout.split(/^== .*\n/m).slice(1);
}

test('namespaces and the resource types that they are for', { skip }, async () => {
  const outputs = await glance(
    'md-namespace-create OS::Compute::Test --display-name Test --description words --visibility public --protected False',
    'md-namespace-update OS::Compute::Test --display-name Other --visibility private',
    'md-resource-type-associate OS::Compute::Test --name OS::Glance::Image --prefix hw_',
    'md-namespace-resource-type-list OS::Compute::Test',
    'md-resource-type-list',
    'md-namespace-list --resource-types OS::Glance::Image --visibility private --page-size 1',
    'md-namespace-show OS::Compute::Test',
    'md-resource-type-deassociate OS::Compute::Test OS::Glance::Image',
    'md-namespace-resource-type-list OS::Compute::Test',
    'md-namespace-delete OS::Compute::Test',
    'md-namespace-list',
  );
  const [created, updated, associated, ofNamespace, types, list, shown, , none, , empty] = outputs;
  assert.match(created ?? '', /visibility +\| public/);
  assert.match(updated ?? '', /display_name +\| Other/);
  assert.match(associated ?? '', /prefix +\| hw_/);
  for (const output of [ofNamespace, types, shown]) assert.match(output ?? '', /OS::Glance::Image/);
  assert.match(list ?? '', /OS::Compute::Test/);
  assert.doesNotMatch(none ?? '', /OS::Glance::Image/);
  assert.doesNotMatch(empty ?? '', /OS::Compute::Test/);
});

test('objects, properties and tags', { skip }, async () => {
  const schema = JSON.stringify({ type: 'integer', minimum: 1 });
  const object = JSON.stringify({
    description: 'words',
    required: ['cores'],
    properties: { cores: { title: 'Cores', type: 'integer' } },
  });
  const outputs = await glance(
    'md-namespace-create n',
    `md-property-create n --name cores --title Cores --schema '${schema}'`,
    'md-property-update n cores --name cpus --title CPUs',
    'md-property-show n cpus',
    'md-property-list n',
    `md-object-create n --name cpu --schema '${object}'`,
    'md-object-update n cpu --name processor',
    'md-object-show n processor',
    'md-object-property-show n processor cores',
    'md-object-list n',
    // With --append this version of the client fails before it sends anything.
    'md-tag-create-multiple n --names two,three',
    'md-tag-create n --name one',
    'md-tag-update n one --name first',
    'md-tag-show n first',
    'md-tag-list n',
    'md-property-delete n cpus',
    'md-object-delete n processor',
    'md-tag-delete n first',
    'md-namespace-properties-delete n',
    'md-namespace-objects-delete n',
    'md-namespace-tags-delete n',
    'md-tag-list n',
    'md-namespace-delete n',
  );
  for (const [index, expected] of [
    [3, /minimum +\| 1/],
    [3, /title +\| CPUs/],
    [4, /cpus +\| CPUs +\| integer/],
    [7, /required +\| \["cores"\]/],
    [8, /title +\| Cores/],
    [9, /processor +\| words/],
    [10, /three/],
    [13, /name +\| first/],
    [14, /first/],
    [14, /two/],
  ] as const)
    assert.match(outputs[index] ?? '', expected);
  assert.doesNotMatch(outputs[21] ?? '', /two/);
});

test('a file that Glance ships is imported', { skip }, async () => {
  const file = join(directory, 'compute-watchdog.json');
  const definition = {
    namespace: 'OS::Compute::Watchdog',
    display_name: 'Watchdog Behavior',
    description: 'Compute drivers may enable watchdog action over instances.',
    visibility: 'public',
    protected: true,
    resource_type_associations: [{ name: 'OS::Glance::Image' }, { name: 'OS::Nova::Flavor' }],
    properties: {
      hw_watchdog_action: {
        title: 'Watchdog Action',
        description: 'For the images, sets the watchdog action that is performed when the server hangs.',
        type: 'string',
        enum: ['disabled', 'reset', 'poweroff', 'pause', 'none'],
      },
    },
    objects: [],
  };
  await writeFile(file, JSON.stringify(definition));

  const [imported] = await glance(`md-namespace-import --file ${file}`);

  assert.match(imported ?? '', /hw_watchdog_action/);
  await assert.rejects(glance('md-namespace-delete OS::Compute::Watchdog'), /is protected and cannot be deleted/);
  await assert.rejects(glance('md-namespace-show absent'), /was not found/);
});
