/** How the virtual BMC answers: rows of the shared command table, each with what it does. */
import { decode, encode } from '#wire/bytes/fields.ts';
import { presentChannel } from '#wire/ipmi/app-commands.ts';
import type { AnyCommand, Command } from '#wire/ipmi/command.ts';
import { completionCodes } from '#wire/ipmi/completion-codes.ts';
import type { Peer } from '#wire/udp/datagrams.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { BmcProfile } from '../bmc-profile.ts';
import type { BmcSerialLine } from '../bmc-serial-line.ts';
import type { BmcSession } from '../bmc-sessions.ts';
import type { LegacySessions } from '../legacy-sessions.ts';
import type { BmcMemory } from './bmc-memory.ts';

/** Thrown by a handler to answer with a completion code other than 00h. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly completion: number;

  constructor(completion: number) {
    super(`completion code ${completion}`);
    this.completion = completion;
  }
}

/** What a handler can see and do. */
export type BmcContext = {
  readonly bmcModel: BmcModel;
  /** What the BMC keeps until it is restarted. */
  readonly memory: BmcMemory;
  readonly guid: Buffer;
  readonly profile: BmcProfile;
  readonly sessionCount: number;
  /** Undefined outside of a session. */
  readonly session: BmcSession | undefined;
  readonly legacySessions: LegacySessions;
  readonly serialLine: BmcSerialLine;
  /** Where it listens. */
  readonly address: Peer;
  closeSession(id: number): boolean;
  /** Starts a chassis action; its failure is the lab's to report. */
  begin(action: () => void | Promise<void>): void;
};

/** Takes the data of a request, gives those of its answer. */
export type Answer = { readonly row: AnyCommand; carryOut(data: Buffer, context: BmcContext): Buffer };

/** A handler throws Refusal for a completion code other than 00h. */
export function answer<Q, R>(row: Command<Q, R>, handler: (request: Q, context: BmcContext) => R): Answer {
  return {
    row: row as unknown as AnyCommand,
    carryOut: (data, context) => encode(row.response, handler(decode(row.request, data, row.name), context)),
  };
}

/** Channel number of the LAN in this BMC. */
export const lanChannel = 1;

export function checkChannel(number: number): void {
  if (number !== lanChannel && number !== presentChannel) throw new Refusal(completionCodes.invalidField);
}
