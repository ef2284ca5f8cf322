export { createAgentRaid } from './raid.ts';
