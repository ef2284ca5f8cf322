/** Command-line options, in one syntax for all commands: `--name VALUE`, `--name=VALUE`, `--switch`, `--help`. */
import { parseArgs } from 'node:util';
import { optionComplaint } from '#domain/option-complaint.ts';

export type OptionNames = { valueNames?: readonly string[]; switchNames?: readonly string[] };
export type Options = { flags: Record<string, string>; switches: Set<string>; positionals: string[]; isHelp: boolean };

/** Throws with the name of the invalid option. */
export function parseOptions(args: string[], names: OptionNames): Options {
  const options: Config = { help: { type: 'boolean', short: 'h' } };
  for (const name of names.valueNames ?? []) options[name] = { type: 'string' };
  for (const name of names.switchNames ?? []) options[name] = { type: 'boolean' };
  const { values, positionals } = parse(args, options);
  const flags: Record<string, string> = {};
  const switches = new Set<string>();
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'string') flags[name] = value;
    else if (value === true && name !== 'help') switches.add(name);
  }
  return { flags, switches, positionals, isHelp: values['help'] === true };
}

type Config = Record<string, { type: 'string' | 'boolean'; short?: string }>;

function parse(args: string[], options: Config) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Error(optionComplaint(error), { cause: error });
  }
}
