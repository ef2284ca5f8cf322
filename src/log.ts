/** The process's log: JSON lines on standard output, secrets cut out wherever they stand. */
import { type Logger, pino } from 'pino';
import type { Settings } from '#settings.ts';

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
  'deployment_key',
  'admin_pass',
  'adminPass',
];

export function createLog(settings: Pick<Settings, 'log.level'>): Logger {
  return pino({
    level: settings['log.level'],
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '******' },
  });
}
