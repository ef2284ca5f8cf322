/** `ingot openrc`: credentials for the `openstack` client as shell lines. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '#async/timers.ts';
import { readSettings, type Settings } from '#settings.ts';
import { stateFiles } from '#store/state-files.ts';
import { parseOptions } from './options.ts';

const usage = `Usage: eval "$(ingot openrc [--state DIR] [--config FILE])"

Prints the address and the administrator's credentials of the Ingot whose state folder this is. On a folder where none
has run yet it waits a moment for one that is just being started.
`;

/** Milliseconds. */
const startTimeout = 15_000;
const pollEvery = 100;

export async function runOpenrcCommand(args: string[]): Promise<number> {
  const { flags, positionals, isHelp } = parseOptions(args, { valueNames: ['config', 'state'] });
  if (isHelp || positionals.length > 0) {
    process[isHelp ? 'stdout' : 'stderr'].write(usage);
    return isHelp ? 0 : 2;
  }
  const { config, state } = flags;
  const settings = readSettings({ env: process.env, flags: state ? { state_dir: state } : {}, ...(config && { file: config }) });
  const keystone = settings['keystone.auth_url'];
  if (keystone) throw new Error(`users log in at the Keystone of this Ingot: ${keystone}`);
  await untilStarted(settings);
  process.stdout.write(openrcLines(settings));
  return 0;
}

/** Allows `ingot serve &` on the line before: with a new state folder the server needs a moment. */
async function untilStarted({ state_dir }: Settings): Promise<void> {
  const endpoint = join(state_dir, stateFiles.endpoint);
  if (existsSync(endpoint)) return;
  process.stderr.write(`ingot: waiting up to ${startTimeout / 1000} s for an Ingot to start in ${state_dir}\n`);
  const end = Date.now() + startTimeout;
  while (!existsSync(endpoint) && Date.now() < end) await pause(pollEvery);
}

/** `export OS_…='…'` lines. Throws if no server has been started with the state folder yet. */
export function openrcLines(settings: Settings): string {
  const variables: Record<string, string> = {
    OS_AUTH_TYPE: 'password',
    OS_AUTH_URL: `${readState(settings, stateFiles.endpoint)}/identity/v3`,
    OS_USERNAME: settings['admin.user'],
    OS_PASSWORD: settings['admin.password'] || readState(settings, stateFiles.password),
    OS_PROJECT_NAME: settings['admin.project'],
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_DOMAIN_NAME: 'Default',
    OS_REGION_NAME: settings.region,
    OS_IDENTITY_API_VERSION: '3',
    OS_IMAGE_API_VERSION: '2',
    OS_COMPUTE_API_VERSION: '2.90',
    OS_BAREMETAL_API_VERSION: 'latest',
  };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  // A token, cloud or domain left over from another cloud would override the lines below.
  const others = ['OS_TOKEN', 'OS_CLOUD', 'OS_PROJECT_ID', 'OS_TENANT_NAME', 'OS_DOMAIN_NAME', 'OS_SYSTEM_SCOPE', 'OS_ENDPOINT'];
  return `unset ${others.join(' ')}\n${lines.join('')}`;
}

function readState(settings: Settings, name: string): string {
  const path = join(settings.state_dir, name);
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Error(`${path} does not exist: no Ingot has run on this state folder (see --state)`);
    throw error;
  }
}

/** Inside single quotes a POSIX shell interprets nothing. */
function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
