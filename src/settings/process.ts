/** Settings of the process: its user and its log. */
import { oneOf, type SettingsOf, text } from './setting.ts';

export const processSettings = {
  'process.user': text({
    help: 'User to run as when started by root (name or uid); default: ingot if that user exists; root = stay root',
  }),
};

export const logSettings = {
  'log.level': oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    help: 'fatal, error, warn, info, debug or trace',
  }),
};

export type LogSettings = SettingsOf<typeof logSettings>;
