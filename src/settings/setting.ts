/** A setting: a row with its default, its help and its own check. The rows stand beside the part that reads them. */
import { isIP } from 'node:net';

/** `V`: what the readers get. */
export type Setting<V = unknown> = {
  /** As `--help` shows it. */
  readonly kind: 'text' | 'integer' | 'boolean' | 'address' | 'list';
  readonly default: string | number | boolean;
  readonly help: string;
  /** The value is not repeated in an error. */
  readonly secret?: boolean;
  /** What a value must be: the end of `setting 'x' must be …`. */
  readonly expected: string;
  /** The value of what was given in a file, the environment or a flag; undefined if it is not what is expected. */
  readonly read: (given: unknown) => V | undefined;
};

export type SettingRows = Readonly<Record<string, Setting>>;
export type SettingsOf<R extends SettingRows> = {
  readonly [N in keyof R]: R[N] extends Setting<infer V> ? V : never;
};

type TextOptions = { readonly default?: string; readonly help: string; readonly secret?: boolean };
type Check = { readonly expected: string; readonly isValid: (value: string) => boolean };

/** No row of a file that Ingot writes, and no argument, can be forged by a setting. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const controls = /[\u0000-\u001f\u007f]/;

/** Any text of one line, unless a check says more; the default is not checked. */
export function text({ default: value = '', ...row }: TextOptions, check?: Check): Setting<string> {
  return {
    ...{ kind: 'text', default: value, ...row, expected: check?.expected ?? 'text of one line' },
    read: (given) =>
      typeof given === 'string' && !controls.test(given) && (given === value || (check?.isValid(given) ?? true))
        ? given
        : undefined,
  };
}

/** A password: any text. */
export function secretText(help: string): Setting<string> {
  const read = (given: unknown) => (typeof given === 'string' && !given.includes('\0') ? given : undefined);
  return { kind: 'text', default: '', help, secret: true, expected: 'text', read };
}

/** `former`: names of values that are still accepted. */
export function oneOf<const V extends string>(
  values: readonly V[],
  row: { readonly default: NoInfer<V>; readonly help: string; readonly former?: Readonly<Record<string, NoInfer<V>>> },
): Setting<V> {
  const { former = {}, ...shown } = row;
  const read = (given: unknown) =>
    typeof given !== 'string'
      ? undefined
      : values.find((value) => value === (Object.hasOwn(former, given) ? former[given] : given));
  return { kind: 'text', ...shown, expected: `one of ${values.join(', ')}`, read };
}

export function integer(row: { readonly default: number; readonly help: string; readonly max?: number }): Setting<number> {
  const { max, ...shown } = row;
  const most = max ?? Number.MAX_SAFE_INTEGER;
  const expected = max === undefined ? 'a whole number of 0 or more' : `a whole number from 0 to ${max}`;
  const read = (given: unknown) => {
    const number = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given;
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 && number <= most ? number : undefined;
  };
  return { kind: 'integer', ...shown, expected, read };
}

export const seconds = (value: number, help: string) => integer({ default: value, help: `${help} (seconds)` });

export const portNumber = (value: number, help: string) => integer({ default: value, max: 65_535, help });

export function boolean(row: { readonly default: boolean; readonly help: string }): Setting<boolean> {
  const values: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
    ...[true, 'true'].map((given) => [given, true] as const),
    ...[false, 'false'].map((given) => [given, false] as const),
  ]);
  return { kind: 'boolean', ...row, expected: 'true or false', read: (given) => values.get(given) };
}

/** An IP address, or nothing. */
export function address(row: { readonly help: string }): Setting<string> {
  const read = (given: unknown) => (typeof given === 'string' && (given === '' || isIP(given) !== 0) ? given : undefined);
  return { kind: 'address', default: '', ...row, expected: 'an IP address', read };
}

/** Comma-separated, or an array in a file. */
export function list(row: { readonly default?: string; readonly help: string }, check?: Check): Setting<string[]> {
  const { default: value = '', help } = row;
  return { kind: 'list', default: value, help, expected: check?.expected ?? 'a comma-separated list', read: readList };

  function readList(given: unknown): string[] | undefined {
    const items =
      typeof given === 'string'
        ? given
            .split(',')
            .map((item) => item.trim())
            .filter(Boolean)
        : given;
    const isList = Array.isArray(items) && items.every((item) => typeof item === 'string' && !controls.test(item));
    return isList && items.every((item) => check?.isValid(item) ?? true) ? items : undefined;
  }
}
