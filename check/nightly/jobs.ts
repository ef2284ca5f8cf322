/** Jobs that take too long to run on each change: a row each. Commands run in the project's folder. */

/** `root`, or a program on PATH. */
export type Need = 'root' | { readonly program: string };

const aFreshDebian: readonly Need[] = ['root', ...['mmdebstrap', 'unshare', 'slirp4netns'].map((program) => ({ program }))];

export type Job = {
  readonly name: string;
  readonly what: string;
  readonly minutes: number;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Without these the job is skipped. */
  readonly needs?: readonly Need[];
};

const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
/** Different inputs each day. */
const seed = String(Math.floor(Date.now() / 86_400_000));

export const jobTable: readonly Job[] = [
  {
    name: 'fresh-debian',
    what: "README's demo and tests on a fresh Debian 12",
    minutes: 75,
    command: [...node, 'check/nightly/fresh-debian.ts', 'npm run demo -- --once', 'npm test'],
    needs: aFreshDebian,
  },
  {
    name: 'postgres',
    what: 'all tests that open a store, on PostgreSQL: `npm test` runs as many as do what the others do',
    minutes: 15,
    command: ['bin/check', 'postgres'],
  },
  {
    name: 'fuzz',
    what: 'a million inputs for the readers of foreign bytes',
    minutes: 30,
    command: ['bin/ingot', 'bench', 'fuzz', '--count', '1000000', '--seed', seed],
  },
  {
    name: 'fuzz-api',
    what: 'ten times the requests that `npm test` sends to each route',
    minutes: 30,
    command: [...node, '--test', 'test/fuzz-api.test.ts'],
    env: { FUZZ_ROUNDS: '120', FUZZ_SEED: seed },
  },
  {
    name: 'property',
    what: 'random requests, crashes and faults of hardware on a fake clock: every node comes to rest, clean and usable',
    minutes: 30,
    command: [...node, 'test/property/main.ts', '--seed', `${seed}0000`, '--runs', '5000'],
  },
  {
    name: 'crash',
    what: 'the process killed at every step, again: what depends on moments shows itself by repetition',
    minutes: 60,
    command: ['bin/check', 'whole', 'test/whole/crash'],
    needs: ['root'],
  },
  {
    name: 'software-raid',
    what: 'software RAID by the deploy ramdisk in machines with real firmware: power cuts, an image on a mirror, erasing',
    minutes: 10,
    command: [...node, '--test', 'test/raid/software-raid.ts'],
    needs: ['root', { program: 'mmdebstrap' }, { program: 'qemu-system-x86_64' }],
  },
  {
    name: 'ironic-oracle',
    what: 'the same requests to the current Ironic (of Debian sid) and to Ingot, replies compared',
    minutes: 35,
    command: [...node, 'test/oracle/main.ts'],
    needs: ['root', { program: 'mmdebstrap' }, { program: 'unshare' }],
  },
  {
    name: 'ironic-walk',
    what: 'requests made from the routes, their versions, fields and members, to the current Ironic and to Ingot',
    minutes: 35,
    command: [...node, 'test/oracle/main.ts', '--walk'],
    needs: ['root', { program: 'mmdebstrap' }, { program: 'unshare' }],
  },
  {
    name: 'cloud-oracle',
    what: "the same requests to Debian 12's Keystone, Glance and Neutron and to Ingot, replies compared",
    minutes: 20,
    command: [...node, 'test/cloud-oracle/main.ts'],
    needs: ['root', { program: 'mmdebstrap' }, { program: 'unshare' }],
  },
  {
    name: 'nova',
    what: 'a real Nova of Debian 12 with Ingot as its Ironic: a server on fake hardware and one on a lab machine',
    minutes: 45,
    command: [...node, 'test/nova/main.ts'],
    needs: ['root', { program: 'mmdebstrap' }, { program: 'unshare' }],
  },
  {
    name: 'keystone',
    what: "Debian 12's Keystone as the identity service of an Ingot: roles, scopes, revoked tokens, and its absence",
    minutes: 15,
    command: [...node, '--test', 'test/keystone/keystone.ts'],
    needs: ['root', { program: 'mmdebstrap' }, { program: 'openstack' }],
  },
  {
    name: 'gophercloud',
    what: "gophercloud's acceptance tests for bare metal (of Debian sid), compiled by Debian's Go, and a node deployed by it",
    minutes: 30,
    command: [...node, '--test', 'test/gophercloud/baremetal.ts'],
    needs: ['root', { program: 'mmdebstrap' }],
  },
  {
    name: 'ansible',
    what: "a playbook of Ansible's collection openstack.cloud (of Debian sid) keeps a node, by token and by basic authentication",
    minutes: 20,
    command: [...node, '--test', 'test/ansible/playbook.ts'],
    needs: ['root', { program: 'mmdebstrap' }],
  },
  {
    name: 'ironic-python-agent',
    what: "Ironic's own agent (of Debian sid) inspects, deploys and cleans a lab machine",
    minutes: 90,
    command: [...node, '--test', 'test/ipa/ipa-deploy.ts'],
    needs: ['root', { program: 'mmdebstrap' }, { program: 'qemu-system-x86_64' }],
  },
];
