/** The BMC's end of Serial over LAN (SOL): one session at a time may use it. */
import type { Duplex } from 'node:stream';
import { Malformed } from '#wire/bytes/malformed.ts';
import { SolTransfer } from '#wire/ipmi/sol-transfer.ts';
import { encodeSolPacket, solHeadLength, solMostCharacters, solToBmc, solToConsole } from '#wire/rmcp/sol-packet.ts';
import type { BmcSession } from './bmc-sessions.ts';

/** Payloads for the console: complete, headers included. */
export const solPayloadSize = solHeadLength + 200;
/** As BMCs do by default, IPMI 2.0 rev 1.1 section 15.11. */
const repeats = 7;
const repeatMilliseconds = 500;

type Use = { readonly session: BmcSession; readonly transfer: SolTransfer; readonly machine: Duplex };

export class BmcSerialLine {
  readonly #send: (session: BmcSession, payload: Buffer) => void;
  #use: Use | undefined;

  /** @param send a payload to the console that has this session */
  constructor(send: (session: BmcSession, payload: Buffer) => void) {
    this.#send = send;
  }

  get isActive(): boolean {
    return this.#use !== undefined;
  }

  activate(session: BmcSession, machine: Duplex & { sendBreak?(): void }): void {
    const transfer = new SolTransfer(
      {
        send: (payload) => this.#send(session, payload),
        hear: (data) => {
          if (machine.writableNeedDrain) return false;
          machine.write(data);
          return true;
        },
        flagged: (flags) => {
          if (flags & solToBmc.generateBreak) machine.sendBreak?.();
        },
        lost: () => this.#drop(session),
        wait: () => repeatMilliseconds,
      },
      { room: Math.min(solMostCharacters, solPayloadSize - solHeadLength), repeats },
    );
    this.#use = { session, transfer, machine };
    machine.on('data', (data: Buffer) => {
      machine.pause();
      transfer.write(data, () => machine.resume());
    });
    machine.on('error', () => this.#drop(session));
    machine.on('close', () => this.#drop(session));
  }

  receive(session: BmcSession, payload: Buffer): void {
    if (this.#use?.session.id !== session.id) throw new Malformed('the serial line is not in use by this session');
    this.#use.transfer.receive(payload);
  }

  /** Notifies the session that holds the line, unless it is the requester. */
  deactivate(by: BmcSession | undefined): void {
    if (!this.#use) return;
    const { session } = this.#use;
    if (session.id !== by?.id) this.#send(session, encodeSolPacket({ ...nothing, flags: solToConsole.deactivated }));
    this.#drop(session);
  }

  /** Called when the session has ended. */
  sessionEnded(session: BmcSession): void {
    this.#drop(session);
  }

  #drop(session: BmcSession): void {
    if (this.#use?.session.id !== session.id) return;
    const { transfer, machine } = this.#use;
    this.#use = undefined;
    transfer.stop();
    machine.destroy();
  }
}

const nothing = { sequence: 0, acknowledged: 0, accepted: 0, nack: false, data: Buffer.alloc(0) } as const;
