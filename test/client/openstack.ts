/** Runs the real `openstack` client, in one session for several commands that need nothing of each other's output. */
import { spawn, spawnSync } from 'node:child_process';
import { preparedProgram, preparedVariable } from './prepared-openstack.ts';

const program = '/usr/bin/openstack';
const prepared = process.env[preparedVariable];

export const hasOpenstackClient = prepared !== undefined || spawnSync(program, ['--version']).status === 0;
/** The reason to skip, or false. */
export const withoutClient = hasOpenstackClient ? false : 'the openstack client is not installed (apt: python3-openstackclient)';

/** One invocation. Rejects with the client's error message when it fails. */
export async function openstack(env: NodeJS.ProcessEnv, args: readonly string[], input?: string | Buffer): Promise<string> {
  return (await run(env, args, input)).output;
}

async function run(env: NodeJS.ProcessEnv, args: readonly string[], input?: string | Buffer) {
  const client = clientFor(env);
  const child = spawn(client.program, args, { env: client.env, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const status = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (status !== 0) throw new Error(`openstack ${args.join(' ')} ended with ${status}: ${errors || output}`);
  return { output, errors };
}

/** The prepared client, if the run has one. It has loaded the distribution's modules: a copy of others is started anew. */
export function clientFor(env: NodeJS.ProcessEnv): { program: string; env: NodeJS.ProcessEnv } {
  if (prepared === undefined || env['PYTHONPATH']) return { program, env };
  return { program: preparedProgram, env: { ...env, [preparedVariable]: prepared } };
}

/** `-f json` of one invocation. */
// biome-ignore lint/suspicious/noExplicitAny: each test looks at output of its own shape
export async function openstackJson(env: NodeJS.ProcessEnv, args: readonly string[]): Promise<any> {
  return JSON.parse(await openstack(env, [...args, '-f', 'json']));
}

/** Runs commands in one session of the client; returns the parsed `-f json` output of each, in order, and the errors of all. */
export async function openstackSession(
  env: NodeJS.ProcessEnv,
  commands: readonly string[],
): Promise<{ replies: unknown[]; output: string; errors: string }> {
  const { output, errors } = await run(env, [], `${commands.join('\n')}\n`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the prompt's colours
  const text = output.replace(/\(openstack\) |\x1b\[[0-9;]*m/g, '');
  return { replies: jsonValuesOf(text), output: text, errors };
}

/** JSON objects and arrays that begin at the start of a line. */
function jsonValuesOf(text: string): unknown[] {
  return [...text.matchAll(/^(?:\{$[\s\S]*?^\}|\[$[\s\S]*?^\]|\{\}|\[\])$/gm)].map(([value]) => JSON.parse(value));
}
