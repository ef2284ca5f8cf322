/** Memory that two threads share: the current input and its start time. It survives a thread that hangs or crashes. */
const headBytes = 24;
const roomBytes = 1024 * 1024;

export type InputSlot = {
  readonly memory: SharedArrayBuffer;
  begin(index: number, input: Buffer): void;
  end(): void;
  /** Milliseconds since the current input began; undefined if there is none. */
  elapsed(): number | undefined;
  /** The last input that was begun. */
  last(): { readonly index: number; readonly hex: string };
};

export function createInputSlot(memory = new SharedArrayBuffer(headBytes + roomBytes)): InputSlot {
  const head = new Float64Array(memory, 0, 3);
  const room = new Uint8Array(memory, headBytes);
  return {
    memory,
    begin(index, input) {
      room.set(input.subarray(0, roomBytes));
      head[1] = index;
      head[2] = Math.min(input.length, roomBytes);
      head[0] = Date.now();
    },
    end() {
      head[0] = 0;
    },
    elapsed() {
      // Read once: the other thread writes concurrently.
      const begun = head[0] ?? 0;
      return begun === 0 ? undefined : Date.now() - begun;
    },
    last: () => ({ index: head[1] ?? -1, hex: Buffer.from(room.slice(0, head[2])).toString('hex') }),
  };
}
