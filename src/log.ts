/** The process log: JSON lines on standard output, with secrets removed from any field. */
import { type Logger, pino } from 'pino';
import type { LogSettings } from '#settings/process.ts';

const secretNames = [
  'password',
  'ipmi_password',
  'redfish_password',
  'iboot_password',
  'ssh_password',
  'ssh_key_contents',
  'snmp_community',
  'snmp_auth_key',
  'snmp_priv_key',
  'power_token',
  'power_pass',
  'pm_password',
  'token',
  'agent_secret',
  'agent_binding',
  'session',
  'deployment_key',
  'admin_pass',
  'adminPass',
];

/** Characters that JSON leaves unescaped although terminals interpret them. */
const unescaped = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function escapeLine(line: string): string {
  return line.replace(unescaped, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** @param write receives the lines; default: standard output */
export function createLog(settings: LogSettings, write = writer()): Logger {
  const options = {
    level: settings['log.level'],
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '******' },
  };
  return pino(options, { write: (line: string) => write(escapeLine(line)) });
}

function writer(): (line: string) => void {
  const output = pino.destination({ fd: 1, sync: true });
  return (line) => void output.write(line);
}
