/** The environment of checked programs: without colours on a build server, and without a person's own settings of Ingot. */
export function plainEnvironment(from: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const entries = Object.entries(from).filter(([name]) => !name.startsWith('INGOT_') && !name.startsWith('OS_'));
  if (from['CI'] !== 'true') return Object.fromEntries(entries);
  return { ...Object.fromEntries(entries.filter(([name]) => name !== 'FORCE_COLOR')), NO_COLOR: '1' };
}
