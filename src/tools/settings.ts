import { oneOf, type SettingsOf } from '#settings/setting.ts';

export const confinements = ['bwrap', 'none'] as const;

export const toolSettings = {
  'tools.confinement': oneOf(confinements, {
    default: 'bwrap',
    help: 'Sandbox of programs that read images: bwrap (only their own files are visible) or none',
  }),
};

export type ToolSettings = SettingsOf<typeof toolSettings>;
