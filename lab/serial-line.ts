/**
 * A machine's serial line with any number of ends. It stays when the machine is off or restarts: what is typed then is
 * lost, as on a real line.
 */
import { Duplex } from 'node:stream';

/** A reader that is so far behind (bytes) misses what comes then, as with an overrun receiver. */
const mostUnread = 1 << 20;

export class SerialLine {
  readonly #ends = new Set<Duplex>();
  #machine: Duplex | undefined;

  /** The machine's side, from one start of it to its end. */
  attach(machine: Duplex): void {
    this.#machine = machine;
    machine.on('error', () => {});
    machine.on('data', (chunk: Buffer) => this.#tell(chunk));
    machine.on('close', () => {
      if (this.#machine === machine) this.#machine = undefined;
    });
  }

  /** Hears from now on all that is printed; what is written to it is typed. Destroy it when done. */
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

  #tell(chunk: Buffer): void {
    for (const end of this.#ends) if (end.readableLength < mostUnread) end.push(chunk);
  }

  #type(chunk: Buffer, done: () => void): void {
    if (this.#machine?.writable) this.#machine.write(chunk, () => done());
    else done();
  }
}
