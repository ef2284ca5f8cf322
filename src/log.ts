/** The process log: JSON lines on standard output, with secrets removed from any field. */
import { type Logger, pino } from 'pino';
import { maskUrlSecrets } from '#domain/url-secrets.ts';
import type { LogSettings } from '#settings/process.ts';

/** Fields of our own records and requests, in any case. Those of nodes are declared by the drivers. */
const ownSecrets = [
  ...['password', 'original_password', 'password_hash', 'adminPass', 'admin_pass', 'pm_password'],
  ...['secret', 'secret_hash', 'token', 'x-auth-token', 'x-subject-token', 'authorization', 'cookie', 'set-cookie'],
  ...['session', 'agent_secret', 'agent_binding', 'deployment_key', 'private_key'],
];

/** Headers, which a message may quote as they were sent. */
const headerNames = ['x-auth-token', 'x-subject-token', 'authorization', 'cookie'];
const header = new RegExp(`\\b((?:${headerNames.join('|')})[ \\t]*[:=][ \\t]*)[^\\s"][^\\r\\n]*`, 'gi');

const censored = '******';

/** Characters that JSON leaves unescaped although terminals interpret them. */
const unescaped = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function escapeLine(line: string): string {
  return line.replace(unescaped, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export type LogOptions = {
  /** Receives the lines; default: standard output. */
  write?: (line: string) => void;
  /** Names of further fields that are never shown, at any depth; it may grow. */
  secrets?: ReadonlySet<string>;
};

export function createLog(settings: LogSettings, { write = writer(), secrets = new Set() }: LogOptions = {}): Logger {
  const options = {
    level: settings['log.level'],
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write: (line: string) => write(escapeLine(withoutSecrets(line, [...ownSecrets, ...secrets]))) });
}

/**
 * Works on the line, not on what was logged: so that it makes no difference whether a field comes from an object, a
 * child logger, an error, or from JSON that a message quotes.
 */
function withoutSecrets(line: string, names: readonly string[]): string {
  const lower = line.toLowerCase();
  const present = names
    .map((name) => name.toLowerCase())
    .filter((name) => lower.includes(`${name}"`) || lower.includes(`${name}\\"`));
  if (present.length === 0 && !line.includes('://') && !headerNames.some((name) => lower.includes(name))) return line;
  const secrets = new Set(present);
  const quoted = new RegExp(`("(?:${present.map(RegExp.escape).join('|')})"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, 'gi');
  const shown = JSON.stringify(JSON.parse(line), (name, value: unknown) => {
    if (secrets.has(name.toLowerCase())) return censored;
    if (typeof value !== 'string') return value;
    const text = present.length === 0 ? value : value.replace(quoted, `$1"${censored}"`);
    return maskUrlSecrets(text.replace(header, `$1${censored}`));
  });
  return `${shown}\n`;
}

function writer(): (line: string) => void {
  const output = pino.destination({ fd: 1, sync: true });
  return (line) => void output.write(line);
}
