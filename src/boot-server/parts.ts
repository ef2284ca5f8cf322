/** What the parts of the boot server are handed from outside. */
import type { Logger } from 'pino';
import type { MachineMessages } from '#engine/contract.ts';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
export type MachineRequest = Parameters<MachineMessages['machineRequest']>[0];
/** Takes what a machine did into the record; never throws. */
export type Report = (request: MachineRequest) => void;
