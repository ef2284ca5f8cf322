import { settingsTable, variableOf } from '#settings.ts';

/** The environment variables of Ingot's settings. */
const settingVariables = new Set(Object.keys(settingsTable).map(variableOf));

/**
 * The environment of checked programs: no colours on a build server, and none of the user's own settings of Ingot.
 * Tests find third-party copies and recordings through REFEREE_…; INGOT_… with the same name is accepted too, which
 * Ingot itself would reject as an unknown setting.
 */
export function plainEnvironment(from: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const referees = Object.entries(from).flatMap(([name, value]) => {
    const isSetting = settingVariables.has(name) || !name.startsWith('INGOT_');
    return isSetting ? [] : [[name.replace(/^INGOT_/, 'REFEREE_'), value] as const];
  });
  const others = Object.entries(from).filter(([name]) => !name.startsWith('INGOT_') && !name.startsWith('OS_'));
  const plain = { ...Object.fromEntries(referees), ...Object.fromEntries(others) };
  if (from['CI'] !== 'true') return plain;
  const { FORCE_COLOR: _, ...colourless } = plain;
  return { ...colourless, NO_COLOR: '1' };
}
