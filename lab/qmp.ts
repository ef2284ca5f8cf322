/** The part of QEMU's machine protocol (QMP, JSON lines) that a power button needs. */
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';

export class Qmp {
  readonly #stream: Duplex;

  /** Leaves the negotiation mode at once; commands may be sent from now on. */
  constructor(stream: Duplex, onEvent: (name: string, data: Record<string, unknown>) => void) {
    this.#stream = stream;
    // The other end vanishes with the process: the end of the process is what tells, not this stream.
    stream.on('error', () => {});
    createInterface({ input: stream }).on('line', (line) => {
      // A process killed while it speaks leaves half a line.
      if (!line.endsWith('}') && !line.endsWith('}\r')) return;
      const message = JSON.parse(line) as { event?: string; data?: Record<string, unknown> };
      if (message.event) onEvent(message.event, message.data ?? {});
    });
    this.send('qmp_capabilities');
  }

  send(execute: 'qmp_capabilities' | 'system_powerdown'): void {
    if (this.#stream.writable) this.#stream.write(`${JSON.stringify({ execute })}\n`);
  }
}
