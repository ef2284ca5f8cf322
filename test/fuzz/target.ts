/** Fuzzing targets: a table, each row of which generates inputs from dice and reports the results. */
import { dice, pick, type Roll } from './dice.ts';
import { mutateBytes, randomBytes, swell } from './mutations.ts';

export type Verdict = {
  readonly read: boolean;
  /** The reason, as given by the parser. */
  readonly reason?: string;
  /** Hostile packets that were sent for this input; default 1. */
  readonly packets?: number;
};

/** A prepared target. Inputs are bytes, so that each can be recorded and replayed. */
export type Fixture = {
  make(roll: Roll): Buffer;
  /** Any exception is a defect of the target. */
  feed(input: Buffer): Verdict | Promise<Verdict>;
  close?(): Promise<void>;
};

export type Target = {
  readonly name: string;
  /** Share of all inputs, relative to the other targets. */
  readonly share: number;
  /** Processor milliseconds allowed for an empty input; default 25. Each byte may take some microseconds more. */
  readonly slowMs?: number;
  /** Retention is its purpose (a database): its memory is not measured. */
  readonly grows?: boolean;
  open(): Fixture | Promise<Fixture>;
};

/** Errors that a parser may throw. */
type ErrorClass = abstract new (...parameters: never) => Error;
export type Refusals = readonly ErrorClass[] | ((error: Error) => boolean);

export type ReaderRow = Omit<Target, 'open'> & {
  /** Valid inputs. */
  seeds(): readonly Buffer[] | Promise<readonly Buffer[]>;
  readonly mutate?: (seed: Buffer, roll: Roll) => Buffer;
  read(input: Buffer): unknown;
  readonly refuses: Refusals;
  /** True for inputs that no holder of the key created: accepting one is accepting a forgery. */
  readonly mustReject?: (input: Buffer) => boolean;
};

/** A target for a parser without state between two inputs. */
export function readerTarget(row: ReaderRow): Target {
  const { seeds, mutate = mutateBytes, ...target } = row;
  return {
    ...target,
    async open() {
      const sound = await seeds();
      if (sound.length === 0) throw new Error(`${row.name} has no seeds`);
      return {
        make(roll) {
          const kind = roll(400);
          const seed = pick(sound, roll);
          if (kind < 16) return randomBytes(roll(80), roll);
          if (kind === 16) return swell(seed, roll);
          return mutate(seed, roll);
        },
        feed: (input) => judge(row, input),
      };
    },
  };
}

async function judge(row: ReaderRow, input: Buffer): Promise<Verdict> {
  const refusal = await refusalOf(row, input);
  if (refusal !== undefined) return { read: false, reason: refusal };
  if (row.mustReject?.(input)) throw new Error('a forgery was read');
  return { read: true };
}

async function refusalOf({ read, refuses }: ReaderRow, input: Buffer): Promise<string | undefined> {
  try {
    await read(input);
    return undefined;
  } catch (error) {
    return reasonOf(error, refuses);
  }
}

const shortestReason = 5;
const longestReason = 20_000;

/** @throws the error itself if it is not one of those, or if its message is too short or far too long */
export function reasonOf(error: unknown, refuses: Refusals): string {
  const isOne = (one: Error) => (typeof refuses === 'function' ? refuses(one) : refuses.some((kind) => one instanceof kind));
  if (!(error instanceof Error) || !isOne(error)) throw error;
  const { message } = error;
  if (message.length < shortestReason || message.length > longestReason)
    throw new Error(`a reason of ${message.length} characters: ${message.slice(0, 200)}`, { cause: error });
  return message;
}

const mostTries = 500;

/** For the setup of a stage: a client with fuzzing timeouts may time out on a machine under load. */
export async function withinGracePeriod<T>(work: () => Promise<T>): Promise<T> {
  for (let left = mostTries; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/** An input that is only a seed: the resulting conversation is too long to be recorded. */
export function diceOf(input: Buffer): Roll {
  return dice(input.length >= 4 ? input.readUInt32LE() : 0);
}

/** An input of that kind. */
export function seedInput(roll: Roll): Buffer {
  return randomBytes(4, roll);
}

/** @throws for values without a JSON form: NaN or infinity, a function that a table returned for `constructor` */
export function checkPlain(value: unknown): void {
  if (typeof value === 'function' || typeof value === 'symbol') throw new Error(`an answer with a ${typeof value} in it`);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`an answer with ${value} in it`);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (value === Object.prototype) throw new Error('an answer with the prototype of all in it');
  for (const inner of Object.values(value)) checkPlain(inner);
}
