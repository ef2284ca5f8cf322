/** The part of QEMU's machine protocol (QMP, JSON lines) that a power button needs. */
import type { Duplex } from 'node:stream';
import { onMessage, sendMessage } from './json-lines.ts';

type Message = { event?: string; data?: Record<string, unknown> };

export class Qmp {
  readonly #stream: Duplex;

  /** Leaves the negotiation mode at once; commands may be sent from now on. */
  constructor(stream: Duplex, onEvent: (name: string, data: Record<string, unknown>) => void) {
    this.#stream = stream;
    onMessage<Message>(stream, ({ event, data }) => {
      if (event) onEvent(event, data ?? {});
    });
    this.send('qmp_capabilities');
  }

  send(execute: 'qmp_capabilities' | 'system_powerdown'): void {
    sendMessage(this.#stream, { execute });
  }
}
