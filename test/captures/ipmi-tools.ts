/** The command lines of `ipmitool` and FreeIPMI against one BMC on loopback. */
import { existsSync } from 'node:fs';
import type { Sensor } from '#drivers/interfaces.ts';
import { type ProgramResult, runProgram } from './run-program.ts';

export const withoutFreeipmi = existsSync('/usr/sbin/ipmi-sensors') ? false : 'FreeIPMI is not installed (freeipmi-tools)';

export type BmcLogin = {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly suite: number;
  /** Additional options of ipmitool. */
  readonly options?: readonly string[];
};

export function ipmitool({ port, user, password, suite, options = [] }: BmcLogin, command: string): Promise<ProgramResult> {
  // No retries: a machine under load responds late, and would receive a command twice.
  const login = [
    '-I',
    'lanplus',
    '-N',
    '10',
    '-R',
    '1',
    '-H',
    '127.0.0.1',
    '-p',
    String(port),
    '-U',
    user,
    '-P',
    password,
    '-C',
    String(suite),
  ];
  return runProgram('ipmitool', [...login, ...options, ...command.split(' ')]);
}

/** @param command e.g. `ipmi-sel --info`. `cache`: a folder for sensor records, for the programs that cache them. */
export function freeipmi({ port, user, password, suite }: BmcLogin, command: string, cache?: string): Promise<ProgramResult> {
  const [program = '', ...args] = command.split(' ');
  const login = ['-D', 'LAN_2_0', '-h', `127.0.0.1:${port}`, '-u', user, '-p', password, '-I', String(suite), '-l', 'ADMIN'];
  const caching = cache ? [`--sdr-cache-directory=${cache}`, '--quiet-cache'] : [];
  return runProgram(program, [...login, ...caching, ...args]);
}

/** Rows of columns: `name | value | …`, trimmed. */
export function columns(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.includes('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
}

/** Value and thresholds in the format of `ipmitool sensor`, from lower non-recoverable to upper non-recoverable. */
export function sensorAsPrinted(sensor: Sensor | undefined): string[] {
  const order = [
    'lower non-recoverable',
    'lower critical',
    'lower non-critical',
    'upper non-critical',
    'upper critical',
    'upper non-recoverable',
  ] as const;
  const spell = (value: number | null | undefined) => (typeof value === 'number' ? value.toFixed(3) : 'na');
  return [spell(sensor?.value), ...order.map((name) => spell(sensor?.thresholds[name]))];
}

/** The same from a row of `ipmitool sensor`. It prints the logarithm of zero; here that is not a number. */
export function sensorColumns([, value = '', , , ...thresholds]: string[]): string[] {
  return [value === '-inf' ? 'na' : value, ...thresholds.slice(0, 6)];
}
