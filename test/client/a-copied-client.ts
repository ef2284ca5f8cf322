/**
 * Unmodified clients that are newer than the system's, from copies beside the repo. A variable lists the folders that
 * come first on Python's path, separated by colons: the copy, and dependencies that the system lacks.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type CopiedClient = { variable: string; imports: string };

/** Its commands are python3-openstackclient's plugins. */
export const ironicClient: CopiedClient = { variable: 'REFEREE_IRONICCLIENT', imports: 'import ironicclient.osc.plugin' };
export const openstackSdk: CopiedClient = {
  variable: 'REFEREE_OPENSTACKSDK',
  imports: 'import openstack.connection; from openstack.baremetal.v1.node import Node; Node.attach_vmedia',
};

const python = '/usr/bin/python3';

export function foldersOf({ variable }: CopiedClient): string {
  return process.env[variable] ?? '';
}

export function whyMissing(client: CopiedClient): string | false {
  const folders = foldersOf(client);
  if (!folders) return `${client.variable} does not name a copy of it`;
  const { status, stderr } = spawnSync(python, ['-c', client.imports], { env: { PYTHONPATH: folders }, encoding: 'utf8' });
  return status === 0 ? false : `it does not start: ${stderr?.trim().split('\n').at(-1)}`;
}

/**
 * The environment in which `openstack` uses the copy's bare metal commands: it finds plugins by the metadata of
 * installed packages, which a copy has in its `setup.cfg`.
 * @param folder writable folder
 */
export function withCopiedCommands(env: NodeJS.ProcessEnv, folder: string): NodeJS.ProcessEnv {
  const folders = foldersOf(ironicClient);
  const [copy = ''] = folders.split(delimiter);
  const metadata = join(folder, 'python_ironicclient-99.dist-info');
  mkdirSync(metadata, { recursive: true });
  writeFileSync(join(metadata, 'METADATA'), 'Metadata-Version: 2.1\nName: python-ironicclient\nVersion: 99\n');
  writeFileSync(join(metadata, 'entry_points.txt'), entryPointsOf(readFileSync(join(copy, 'setup.cfg'), 'utf8')));
  return { ...env, PYTHONPATH: `${folders}${delimiter}${folder}`, XDG_CACHE_HOME: folder };
}

/** The same entries are sections in one file, and lists below keys in the other. */
function entryPointsOf(setup: string): string {
  const [, listed = ''] = /^\[entry_points\]\n([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(setup) ?? [];
  return listed.replace(/^([\w.]+) =$/gm, '[$1]').replace(/^ +/gm, '');
}

/**
 * Runs a program of ours on openstacksdk; `cloud` is the connection. Resolves with its parsed output.
 * @param folders first on Python's path: a copy; empty = the system's own
 */
export async function runWithSdk(env: NodeJS.ProcessEnv, program: string, folders = ''): Promise<unknown> {
  const lines = ['import json, openstack', 'cloud = openstack.connect(force_ipv4=True)', program];
  const child = spawn(python, ['-c', lines.join('\n')], {
    env: { ...env, PYTHONPATH: folders },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk));
  const status = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (status !== 0) throw new Error(`the SDK ended with ${status}: ${errors}`);
  return JSON.parse(output);
}
