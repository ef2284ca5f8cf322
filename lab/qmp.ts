/** The part of QEMU's machine protocol (QMP, JSON lines) that a power button and drives need. */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { onMessage, sendMessage } from './json-lines.ts';

type Message = {
  event?: string;
  data?: Record<string, unknown>;
  id?: number;
  return?: unknown;
  error?: { class: string; desc: string };
};

type Asked = { readonly resolve: () => void; readonly reject: (error: Error) => void };

/** Timeout for a response or an event (milliseconds). */
const maxWait = 10_000;

export class Qmp {
  readonly #stream: Duplex;
  readonly #events = new EventEmitter();
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;
  #closed = false;

  /** Leaves negotiation mode at once; commands may be sent from now on. */
  constructor(stream: Duplex, onEvent: (name: string, data: Record<string, unknown>) => void) {
    this.#stream = stream;
    onMessage<Message>(stream, (message) => {
      if (message.id !== undefined) return this.#answered(message.id, message.error?.desc);
      if (!message.event) return;
      onEvent(message.event, message.data ?? {});
      this.#events.emit(message.event, message.data ?? {});
    });
    stream.on('close', () => {
      this.#closed = true;
      for (const id of this.#asked.keys()) this.#answered(id, 'the machine is off');
    });
    this.send('qmp_capabilities');
  }

  /** QEMU has exited. */
  get closed(): boolean {
    return this.#closed;
  }

  /** No caller waits for the response. */
  send(execute: 'qmp_capabilities' | 'system_powerdown' | 'inject-nmi'): void {
    sendMessage(this.#stream, { execute });
  }

  /** Rejects with QEMU's error message when it refuses, and when it exits before it responds. */
  async ask(execute: string, words: Record<string, unknown>): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#answered(id, 'QEMU does not answer'), maxWait);
    this.#asked.set(id, { resolve, reject: (error) => reject(new Error(`${execute}: ${error.message}`)) });
    sendMessage(this.#stream, { execute, arguments: words, id });
    await promise.finally(() => clearTimeout(timer));
  }

  /** Resolves when a device that is being removed is gone. */
  async remove(device: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`${device} does not go`)), maxWait);
    const hear = (data: Record<string, unknown>) => data['device'] === device && resolve();
    this.#events.on('DEVICE_DELETED', hear);
    try {
      await this.ask('device_del', { id: device });
      await promise;
    } finally {
      clearTimeout(timer);
      this.#events.off('DEVICE_DELETED', hear);
    }
  }

  #answered(id: number, error: string | undefined): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error === undefined) asked?.resolve();
    else asked?.reject(new Error(error));
  }
}
