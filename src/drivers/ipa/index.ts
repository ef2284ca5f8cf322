export { readCallback, readCertificate } from './callback.ts';
export { configDriveMax, errorOf, type IpaCall, IpaClient, type IpaCommand, IpaError, type IpaPeer } from './client.ts';
export { type IpaFacts, nodeOf } from './facts.ts';
export { readInventory } from './inventory.ts';
export type { Done } from './program.ts';
export { programOf } from './programs.ts';
