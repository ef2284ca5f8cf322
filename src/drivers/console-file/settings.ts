import { list, type SettingsOf } from '#settings/setting.ts';

export const consoleFileSettings = {
  'console.folders': list({
    default: '/var/log,/var/consoles',
    help: 'Folders on this host that `console_file` of a node may point into, comma-separated',
  }),
};

export type ConsoleFileSettings = SettingsOf<typeof consoleFileSettings>;
