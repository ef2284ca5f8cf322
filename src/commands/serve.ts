/** `ingot serve`: runs the cloud. */
import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readSettings, type Settings, settingsTable, shortcutTable, variableOf } from '#settings.ts';
import { parseOptions } from './options.ts';
import { leaveRoot } from './privileges.ts';

/** After the first requests, which usually wait for the start. */
const settleMs = 1000;

export async function runServeCommand(args: string[]): Promise<number> {
  const { flags, positionals, isHelp } = parseOptions(args, {
    valueNames: ['config', ...Object.keys(shortcutTable), ...Object.keys(settingsTable)],
  });
  if (isHelp) {
    process.stdout.write(usage());
    return 0;
  }
  if (positionals.length > 0) {
    process.stderr.write(`ingot serve: unexpected argument '${positionals[0]}'; see ingot serve --help\n`);
    return 2;
  }
  const { config, ...others } = flags;
  const settings = readSettings({ env: process.env, flags: others, ...(config && { file: config }) });
  leaveRoot(settings, (line) => process.stderr.write(`ingot: ${line}\n`));
  return serveUntilSignal(settings);
}

async function serveUntilSignal(settings: Settings): Promise<number> {
  const { serve } = await import('#serve.ts');
  const signalled = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
  });
  const running = await serve(settings);
  settleAfterStart();
  process.stdout.write(
    `Ingot serves ${running.url} (state in ${settings.state_dir}); credentials: ingot openrc --state ${settings.state_dir}\n`,
  );
  const failure = await Promise.race([signalled.then(() => undefined), running.failed]);
  await running.close();
  if (failure) throw failure;
  return 0;
}

/**
 * The start leaves twice as much garbage as data, and the heap would keep its size: it grows by a third before it is
 * swept. `last-resort` also returns the pages. The compile cache is written now, because a process that is killed does
 * not write it.
 */
function settleAfterStart(): void {
  const timer = setTimeout(() => {
    flushCompileCache();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as NodeJS.GCFunction;
    collect({ type: 'major', flavor: 'last-resort', execution: 'sync' });
  }, settleMs);
  timer.unref();
}

function usage(): string {
  const rows = Object.entries(settingsTable).map(([name, setting]) => {
    const value = setting.default === '' ? '' : ` [${setting.default}]`;
    return `  --${name} ${setting.kind.toUpperCase()}\n      ${setting.help}${value}\n      environment: ${variableOf(name)}`;
  });
  return `Usage: ingot serve [--config FILE] [--state DIR] [--listen HOST:PORT] [--SETTING VALUE …]

Settings come from a JSON file, then the environment, then flags; the later one wins.
Works with no settings at all, without root, dnsmasq or QEMU: then with fake hardware only.

Settings:
${rows.join('\n')}
`;
}
