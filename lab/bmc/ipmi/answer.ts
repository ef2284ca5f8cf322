/** How the virtual BMC responds: rows of the shared command table, each with its handler. */
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

/** Thrown by a handler to respond with a completion code other than 00h. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly completion: number;

  constructor(completion: number) {
    super(`completion code ${completion}`);
    this.completion = completion;
  }
}

/** What a handler can read and do. */
export type BmcContext = {
  readonly bmcModel: BmcModel;
  /** State that the BMC keeps until it restarts. */
  readonly memory: BmcMemory;
  readonly guid: Buffer;
  readonly profile: BmcProfile;
  readonly sessionCount: number;
  /** Undefined outside a session. */
  readonly session: BmcSession | undefined;
  readonly legacySessions: LegacySessions;
  readonly serialLine: BmcSerialLine;
  /** The address where it listens. */
  readonly address: Peer;
  closeSession(id: number): boolean;
  /** Starts a chassis action; the lab reports its failure. */
  begin(action: () => void | Promise<void>): void;
};

/** Takes the data of a request and returns the data of the response. */
export type Answer = { readonly row: AnyCommand; carryOut(data: Buffer, context: BmcContext): Buffer };

/** A handler throws Refusal for a completion code other than 00h. */
export function answer<Q, R>(row: Command<Q, R>, handler: (request: Q, context: BmcContext) => R): Answer {
  return {
    row: row as unknown as AnyCommand,
    carryOut: (data, context) => encode(row.response, handler(decode(row.request, data, row.name), context)),
  };
}

/** Channel number of this BMC's LAN. */
export const lanChannel = 1;

export function checkChannel(number: number): void {
  if (number !== lanChannel && number !== presentChannel) throw new Refusal(completionCodes.invalidField);
}
