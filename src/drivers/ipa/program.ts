/** A command of Ingot's agent as a sequence of IPA's. */
import type { JsonObject } from '#domain/json.ts';
import type { AgentReply } from '../interfaces.ts';
import type { IpaCall } from './client.ts';
import type { IpaFacts } from './facts.ts';

/** What is kept of a call that has succeeded; `seconds`: how long it took. */
export type Done = JsonObject & { seconds: number };

export type IpaProgram = {
  /** The next call, or the reply when all is done. */
  next(params: JsonObject, done: readonly Done[], facts: IpaFacts): Promise<{ call: IpaCall } | { reply: AgentReply }>;
  /** What to keep of a call's result. Throws IpaError `refused`. */
  keep(result: unknown, call: number): JsonObject;
};

/** The machine is powered off by its BMC: what is in the ramdisk's memory must have reached the disk. */
export const sync: IpaCall = { name: 'standby.sync', params: {} };
