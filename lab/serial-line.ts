/**
 * A machine's serial line with any number of clients. It stays open when the machine is off or restarts; input is lost
 * then, as on a real line.
 */
import { Duplex } from 'node:stream';

/** A client with this much unread output (bytes) loses further output, as an overrun receiver does. */
const mostUnread = 1 << 20;

export class SerialLine {
  readonly #ends = new Set<Duplex>();
  #machine: Duplex | undefined;

  /** The machine's side, from one start to its end. */
  attach(machine: Duplex): void {
    this.#machine = machine;
    machine.on('error', () => {});
    machine.on('data', (chunk: Buffer) => this.#broadcast(chunk));
    machine.on('close', () => {
      if (this.#machine === machine) this.#machine = undefined;
    });
  }

  /** Receives all output from now on; writes are typed into the machine. Destroy it when done. */
  open(): Duplex {
    const end = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _encoding, done) => this.#type(chunk, done),
      destroy: (error, done) => {
        this.#ends.delete(end);
        done(error);
      },
    });
    end.on('finish', () => end.destroy());
    this.#ends.add(end);
    return end;
  }

  #broadcast(chunk: Buffer): void {
    for (const end of this.#ends) if (end.readableLength < mostUnread) end.push(chunk);
  }

  #type(chunk: Buffer, done: () => void): void {
    if (this.#machine?.writable) this.#machine.write(chunk, () => done());
    else done();
  }
}
