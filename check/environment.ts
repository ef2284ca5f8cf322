import { settingsTable, variableOf } from '#settings.ts';

/** What a test would take for settings of the Ingot that it starts, and what no setting of Ingot is. */
const settingVariables = new Set(Object.keys(settingsTable).map(variableOf));

/**
 * The environment of checked programs: without colours on a build server, and without a person's own settings of Ingot.
 * Tests find copies of others' programs and recordings by REFEREE_…; INGOT_… of the same name will do, which Ingot itself
 * would refuse as a setting that it does not know.
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
