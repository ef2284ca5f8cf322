import { type SettingsOf, seconds } from '#settings/setting.ts';

export const manualSettings = { 'manual.wait': seconds(86_400, 'Timeout for an operator to confirm a manual power change') };

export type ManualSettings = SettingsOf<typeof manualSettings>;
