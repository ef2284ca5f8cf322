import { Duplex } from 'node:stream';
import { solHeadLength, solMostCharacters, solToBmc, solToConsole } from '../rmcp/sol-packet.ts';
import type { Datagrams, Peer } from '../udp/datagrams.ts';
import { getDeviceId } from './app-commands.ts';
import { IpmiError } from './ipmi-error.ts';
import { Latency } from './latency.ts';
import { activatePayload, deactivatePayload, solPayload } from './payload-commands.ts';
import type { Session } from './session.ts';
import { type BmcLogin, SessionKeeper } from './session-keeper.ts';
import { SolTransfer } from './sol-transfer.ts';
import { Budget, defaultTimings, type Timings } from './timings.ts';

export type SerialLineOptions = {
  readonly datagrams: Datagrams;
  readonly timings?: Timings;
  readonly signal?: AbortSignal;
  /** Deactivates the SOL session of another client, if there is one. Default: fail as already in use. */
  readonly takeOver?: boolean;
  /** Converts the failure that ended the stream into the error for its reader. */
  readonly explain?: (error: IpmiError) => Error;
};

/** Serial over LAN as a stream: write input, read output. Ends with an IpmiError when the BMC is unreachable. */
export type SerialLine = Duplex & { sendBreak(): void };

/** Retries of a packet, the BMCs' own default: IPMI 2.0 rev 1.1 section 15.11. */
const repeats = 7;
const bufferBytes = 1024 * 1024;
/** Number of packets buffered before the BMC confirms the activation. */
const earlyMax = 64;
/** Completion code of Activate Payload, table 24-2. */
const inUse = 0x80;

/**
 * Opens the machine's serial console (SOL) in a separate session, so that commands can run at the same time.
 * @throws IpmiError, or the reason of an abort
 */
export async function openSerialLine(login: BmcLogin, options: SerialLineOptions): Promise<SerialLine> {
  const { datagrams, timings = defaultTimings, signal, explain } = options;
  if (login.version === '1.5')
    throw unsupported(login, 'IPMI 1.5 has no serial line over the LAN; it needs ipmi_protocol_version 2.0');
  const latency = new Latency();
  const keeper = new SessionKeeper(login, { datagrams, timings, latency });
  const budget = new Budget(timings.deadline, { signal, waitsForSession: true });
  try {
    const session = await keeper.open(budget);
    const line = new SolStream({ keeper, session, latency, timings, ...(explain && { explain }) });
    const { inboundSize } = await activate(session, budget, options.takeOver === true);
    line.begin(Math.min(solMostCharacters, Math.max(1, inboundSize - solHeadLength)));
    return signal ? endWith(line, signal) : line;
  } catch (error) {
    await keeper.close();
    throw error;
  } finally {
    budget.release();
  }
}

/** Ignores the port in the response: BMCs swap its bytes, or report the port before address translation. */
async function activate(session: Session, budget: Budget, takeOver: boolean) {
  const { type, instance } = solPayload;
  const payload = { type: { number: type }, instance: { number: instance } };
  const deferred = 1;
  const options = { encrypted: true, authenticated: true, test: false, alerts: deferred, keepHandshakeOn: true };
  const request = { ...payload, options, reserved: Buffer.alloc(3) };
  try {
    return await session.request(activatePayload, request, { budget });
  } catch (error) {
    if (!takeOver || !(error instanceof IpmiError) || error.completion !== inUse) throw error;
  }
  await session.request(deactivatePayload, { ...payload, reserved: Buffer.alloc(4) }, { budget }).catch(tolerateCompletion);
  return session.request(activatePayload, request, { budget });
}

type StreamParts = Pick<SerialLineOptions, 'explain'> & {
  readonly keeper: SessionKeeper;
  readonly session: Session;
  readonly latency: Latency;
  readonly timings: Timings;
};

class SolStream extends Duplex implements SerialLine {
  readonly #parts: StreamParts;
  #transfer: SolTransfer | undefined;
  /** Packets received before the BMC confirmed the activation. */
  readonly #early: Buffer[] = [];
  #isFull = false;
  /** Another client may be using SOL now; a Deactivate Payload from us would disconnect it. */
  #isOver = false;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(parts: StreamParts) {
    super({ readableHighWaterMark: bufferBytes, allowHalfOpen: false });
    this.#parts = parts;
    parts.session.openLine((payload) => {
      if (this.#transfer) this.#transfer.receive(payload);
      // A dropped packet is not acknowledged, so the BMC sends it again.
      else if (this.#early.length < earlyMax) this.#early.push(payload);
    });
  }

  begin(room: number): void {
    const { session, latency, timings } = this.#parts;
    const end = {
      send: (payload: Buffer) => session.sendLine(payload),
      hear: (data: Buffer) => this.#hear(data),
      flagged: (flags: number) => this.#flagged(flags),
      lost: () => void this.destroy(this.#silence()),
      wait: (sends: number) => Math.min(timings.longestWait, latency.firstWait(timings) * timings.growth ** sends),
    };
    this.#transfer = new SolTransfer(end, { room, repeats });
    for (const payload of this.#early.splice(0)) this.#transfer.receive(payload);
    this.#watch();
  }

  sendBreak(): void {
    this.#transfer?.signal(solToBmc.generateBreak);
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#transfer?.write(chunk, done);
  }

  override _read(): void {
    this.#isFull = false;
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#keepAlive);
    this.#transfer?.stop();
    const { keeper, explain } = this.#parts;
    const reported = explain && error instanceof IpmiError ? explain(error) : error;
    this.#deactivate()
      .finally(() => keeper.close())
      .then(
        () => done(reported),
        () => done(reported),
      );
  }

  #hear(data: Buffer): boolean {
    if (this.#isFull || this.destroyed) return false;
    this.#isFull = !this.push(data);
    return true;
  }

  #flagged(flags: number): void {
    if (!(flags & solToConsole.deactivated)) return;
    this.#isOver = true;
    this.destroy(this.#error('disconnected', 'the BMC deactivated it'));
  }

  /** Keeps the session alive while the machine prints nothing, section 6.12.15. */
  #watch(): void {
    const { session, timings } = this.#parts;
    const pause = timings.keepAlive / 2;
    this.#keepAlive = setTimeout(() => {
      if (session.silentFor < pause) return this.#watch();
      const budget = new Budget(timings.deadline);
      session.request(getDeviceId, {}, { budget }).then(
        () => this.#watch(),
        (error: unknown) => {
          if (error instanceof IpmiError && error.failure === 'completion') this.#watch();
          else this.destroy(error as Error);
        },
      );
    }, pause);
    this.#keepAlive.unref();
  }

  async #deactivate(): Promise<void> {
    if (this.#isOver) return;
    const { session, timings } = this.#parts;
    const { type, instance } = solPayload;
    const request = { type: { number: type }, instance: { number: instance }, reserved: Buffer.alloc(4) };
    const limits = { budget: new Budget(timings.firstWait * 3), sends: 2 };
    await session.request(deactivatePayload, request, limits).catch(() => {});
  }

  #silence(): IpmiError {
    return this.#error('silent', 'the input was not acknowledged');
  }

  #error(failure: 'silent' | 'disconnected', detail: string): IpmiError {
    const attempts = failure === 'silent' ? repeats + 1 : 0;
    return new IpmiError(failure, { peer: this.#parts.keeper.peer, command: 'Serial over LAN', detail, attempts });
  }
}

function endWith(line: SerialLine, signal: AbortSignal): SerialLine {
  const abort = () => void line.destroy(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  line.once('close', () => signal.removeEventListener('abort', abort));
  return line;
}

function tolerateCompletion(error: unknown): void {
  if (!(error instanceof IpmiError && error.failure === 'completion')) throw error;
}

function unsupported({ address, port }: Peer, detail: string): IpmiError {
  return new IpmiError('unsupported', { peer: { address, port }, command: activatePayload.name, detail });
}
