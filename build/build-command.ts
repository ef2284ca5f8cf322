/** Shared by `ingot ramdisk build` and `ingot image build`: options, help, exit codes, fault messages. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { asFault } from '#domain/faults.ts';
import { optionComplaint } from '#domain/option-complaint.ts';
import { type Announce, announceTo } from './announce.ts';

export type BuildCommand = {
  /** The subcommand of `ingot`. */
  readonly name: string;
  readonly help: string;
  /** Options with a value, each with its default. */
  readonly options: Readonly<Record<string, string | undefined>>;
  /** Allowed values of an option, if they are an enumeration. */
  readonly choices?: Readonly<Record<string, readonly string[]>>;
  /** Builds and returns the paths to print. */
  build(options: Readonly<Record<string, string | undefined>>, how: { refresh: boolean; announce: Announce }): Promise<string[]>;
};

class WrongUsage extends Error {}

/** @param args begin after the command's name. @returns the exit code: 0 done, 1 failed, 2 wrong usage */
export async function runBuildCommand(command: BuildCommand, args: string[]): Promise<number> {
  const complain = (text: string, code: number) => {
    process.stderr.write(`ingot ${command.name}: ${text}\n`);
    return code;
  };
  try {
    const { refresh, help, ...options } = readOptions(command, args);
    if (help) {
      process.stdout.write(command.help);
      return 0;
    }
    const announce = announceTo(process.stderr, command.name);
    const paths = await command.build(options as Record<string, string | undefined>, { refresh: refresh === true, announce });
    process.stdout.write(paths.map((path) => `${path}\n`).join(''));
    return 0;
  } catch (error) {
    if (error instanceof WrongUsage) return complain(`${error.message}\n\n${command.help}`, 2);
    const { message, hint } = asFault(error);
    return complain(hint ? `${message}\n${hint}` : message, 1);
  }
}

function readOptions(command: BuildCommand, args: string[]): Record<string, string | boolean | undefined> {
  const config: ParseArgsOptionsConfig = { refresh: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
  for (const name of Object.keys(command.options)) config[name] = { type: 'string' };
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args, options: config, allowPositionals: true, strict: true });
  } catch (error) {
    throw new WrongUsage(optionComplaint(error));
  }
  const values = { ...command.options, ...parsed.values } as Record<string, string | boolean | undefined>;
  if (values['help']) return values;
  if (parsed.positionals.join(' ') !== 'build') throw new WrongUsage(`expected 'build', not '${parsed.positionals.join(' ')}'`);
  for (const [name, choices] of Object.entries(command.choices ?? {})) {
    const value = String(values[name]);
    if (!choices.includes(value)) throw new WrongUsage(`--${name} must be one of ${choices.join(', ')}, not '${value}'`);
  }
  return values;
}
