/** One session between a terminal and a serial console over a WebSocket. */
import { once } from 'node:events';
import { plainLine } from '#domain/plain-text.ts';

/** `process`, or a test double. */
export type Terminal = {
  readonly stdin: NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?(on: boolean): unknown; destroy?(): unknown };
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
};

/** Timeout for the WebSocket closing handshake (milliseconds). */
const goodbyeMs = 5000;

/**
 * Until one side closes, or input ends. Input is passed through unchanged, including Ctrl-C, which is for the machine.
 * @returns the exit status
 */
export async function converse(url: string, terminal: Terminal): Promise<number> {
  const { stdin, stdout, stderr } = terminal;
  const socket = new WebSocket(url, 'binary');
  socket.binaryType = 'arraybuffer';
  // Registered at once: the first output may arrive together with the opening handshake.
  socket.addEventListener('message', ({ data }) => void stdout.write(Buffer.from(data as ArrayBuffer)));
  const closed = once(socket, 'close') as Promise<[CloseEvent]>;
  closed.catch(() => {});
  await Promise.race([
    once(socket, 'open'),
    once(socket, 'error').then(() => Promise.reject(new Error('the console was refused'))),
  ]);
  stderr.write('Connected; ~. at the beginning of a line leaves.\r\n');
  const leave = hangUp(socket);
  const listeners = listenersOf(socket, leave);
  if (stdin.isTTY) stdin.setRawMode?.(true);
  try {
    stdin.on('data', listeners.data);
    stdin.once('end', leave);
    stdin.once('error', leave);
    stdout.once('error', leave);
    const [{ code, reason }] = await Promise.race([closed, leave.tired]);
    stderr.write(`\r\nThe console is closed${reason ? `: ${plainLine(reason)}` : ''}.\n`);
    return code === 1000 || code === 1005 ? 0 : 1;
  } finally {
    if (stdin.isTTY) stdin.setRawMode?.(false);
    stdin.off('data', listeners.data);
    stdin.destroy?.();
    leave.done();
  }
}

function listenersOf(socket: WebSocket, leave: () => void) {
  const filter = createEscapeFilter();
  return {
    data(data: Buffer) {
      const { send, leaves } = filter(data);
      if (send.length > 0 && socket.readyState === WebSocket.OPEN) socket.send(send);
      if (leaves) leave();
    },
  };
}

/** Closes even if the peer does not reply. */
function hangUp(socket: WebSocket) {
  const { promise: tired, resolve } = Promise.withResolvers<[{ code: number; reason: string }]>();
  let timer: NodeJS.Timeout | undefined;
  const leave = () => {
    socket.close();
    timer ??= setTimeout(() => resolve([{ code: 1000, reason: '' }]), goodbyeMs);
  };
  return Object.assign(leave, { tired, done: () => clearTimeout(timer) });
}

type Filtered = { send: Buffer<ArrayBuffer>; leaves: boolean };

/**
 * At the beginning of a line `~.` disconnects and `~~` sends one `~`; a `~` is held back until the next character.
 * Input after `~.` is not sent.
 */
export function createEscapeFilter(): (data: Buffer) => Filtered {
  const [tilde, dot] = [0x7e, 0x2e];
  let atBegin = true;
  let held = false;
  return (data) => {
    const send: number[] = [];
    for (const byte of data) {
      if (held && byte === dot) return { send: Buffer.from(send), leaves: true };
      if (!held && atBegin && byte === tilde) {
        held = true;
        continue;
      }
      if (held && byte !== tilde) send.push(tilde);
      held = false;
      send.push(byte);
      atBegin = byte === 0x0d || byte === 0x0a;
    }
    return { send: Buffer.from(send), leaves: false };
  };
}
