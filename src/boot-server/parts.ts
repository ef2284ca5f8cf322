/** Dependencies of the boot server's parts. */
import type { Logger } from 'pino';
import type { MachineMessages } from '#engine/contract.ts';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
export type MachineRequest = Parameters<MachineMessages['machineRequest']>[0];
/** Records a request of a machine; never throws. */
export type Report = (request: MachineRequest) => void;
