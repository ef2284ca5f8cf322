/** Command-line options in the one form all commands take: `--name VALUE`, `--name=VALUE`, `--switch`, `--help`. */
import { parseArgs } from 'node:util';

export type OptionNames = { valueNames?: readonly string[]; switchNames?: readonly string[] };
export type Options = { flags: Record<string, string>; switches: Set<string>; positionals: string[]; isHelp: boolean };

/** Throws with the wrong option's name. */
export function parseOptions(args: string[], names: OptionNames): Options {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = { help: { type: 'boolean', short: 'h' } };
  for (const name of names.valueNames ?? []) options[name] = { type: 'string' };
  for (const name of names.switchNames ?? []) options[name] = { type: 'boolean' };
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const flags: Record<string, string> = {};
  const switches = new Set<string>();
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'string') flags[name] = value;
    else if (value === true && name !== 'help') switches.add(name);
  }
  return { flags, switches, positionals, isHelp: values['help'] === true };
}
