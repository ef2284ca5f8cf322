/** Stream peers that send anything: relays, web services, Redfish services, and users at a console. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import fastify from 'fastify';
import { ConsoleTickets } from '#api/console-tickets.ts';
import { serveConsoles } from '#api/consoles.ts';
import { aStore } from '#test/a-store.ts';
import { aTokenPayload as token } from '#test/a-token-payload.ts';
import { exchange, HttpError } from '#wire/http/http-exchange.ts';
import { changeRelay, DxpError, getRelays } from '#wire/iboot/dxp-client.ts';
import { dxpHello } from '#wire/iboot/dxp-packets.ts';
import { openRedfishClient } from '#wire/redfish/client.ts';
import { RedfishError } from '#wire/redfish/redfish-client.ts';
import { pick, type Roll } from './dice.ts';
import { mutateBytes, randomBytes } from './mutations.ts';
import { type Refusals, reasonOf, type Target, type Verdict } from './target.ts';

type Speak = (socket: Socket, input: Buffer) => void;
export type PeerRow = {
  readonly name: string;
  readonly share: number;
  readonly refuses: Refusals;
  make(roll: Roll): Buffer;
  /** The peer's handling of a connection. */
  readonly speak: Speak;
  /** Sends a request to the peer. */
  ask(port: number, input: Buffer): Promise<unknown>;
};

/** A peer on loopback that sends the input. The result must arrive before the timeout. */
export function peerTarget({ name, share, refuses, make, speak, ask }: PeerRow): Target {
  return {
    ...{ name, share, slowMs: 500 },
    async open() {
      let said: Buffer = Buffer.alloc(0);
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {}).once('close', () => sockets.delete(socket));
        speak(socket, said);
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      return {
        make,
        async feed(input): Promise<Verdict> {
          said = input;
          try {
            await ask(port, input);
            return { read: true };
          } catch (error) {
            return { read: false, reason: reasonOf(error, refuses) };
          } finally {
            for (const socket of sockets) socket.destroy();
          }
        },
        async close() {
          server.close();
          await once(server, 'close');
        },
      };
    },
  };
}

/** First byte: how much of it answers the hello, and whether a relay is read or switched. */
const iboot: PeerRow = {
  ...{ name: 'iboot peer', share: 0.4, refuses: [DxpError] },
  make(roll) {
    const answer = roll(2) === 0 ? Buffer.of(1, 2, 1, 0, 1) : randomBytes(roll(24), roll);
    return Buffer.concat([Buffer.of(roll(256)), roll(2) === 0 ? mutateBytes(answer, roll) : answer]);
  },
  speak(socket, input) {
    const [first = 0] = input;
    const cut = 1 + ((first >> 1) % 4);
    socket.once('data', (hello: Buffer) => {
      if (!hello.equals(dxpHello)) return void socket.destroy();
      socket.write(input.subarray(1, cut + 1));
      // Whatever the command is.
      socket.once('data', () => void socket.end(input.subarray(cut + 1)));
      // Too short for a response to the hello: the other end sends nothing more.
      if (Math.min(cut, input.length - 1) < 2) socket.end();
    });
  },
  async ask(port, input) {
    const peer = { address: '127.0.0.1', port, user: 'user', password: 'PASS' };
    if ((input[0] ?? 0) & 1) return await changeRelay(peer, { relay: 1, on: true }, { timeout: 1_500 });
    const relays = await getRelays(peer, 3, { timeout: 1_500 });
    if (relays.length < 1 || relays.length > 3) throw new Error(`${relays.length} relays`);
    return relays;
  },
};

const httpReplies = [
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{"PowerState":"On"}',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n',
  'HTTP/1.1 307 Temporary Redirect\r\nLocation: http://192.0.2.77/x\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n{}',
  'HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nETag: W/"1"\r\n\r\n',
].map((text) => Buffer.from(text));

const http: Pick<PeerRow, 'share' | 'make' | 'speak'> = {
  share: 0.3,
  make: (roll) => (roll(12) === 0 ? randomBytes(roll(200), roll) : mutateBytes(pick(httpReplies, roll), roll)),
  speak(socket, input) {
    socket.once('data', () => void socket.end(input));
  },
};

const webhook: PeerRow = {
  ...{ ...http, name: 'web service, http replies', refuses: [HttpError] },
  async ask(port) {
    const url = new URL(`http://127.0.0.1:${port}/power`);
    const limits = { timeout: 1_500, mostBytes: 64 * 1024, trust: { by: 'nothing' } as const };
    const { text } = await exchange({ method: 'GET', url, headers: { authorization: 'secret' }, ...limits });
    return text;
  },
};

const redfish: PeerRow = {
  ...{ ...http, name: 'redfish peer, http replies', refuses: [RedfishError] },
  async ask(port) {
    const peer = {
      url: `http://127.0.0.1:${port}`,
      user: 'admin',
      password: 'password1',
      auth: 'basic',
      trust: { by: 'nothing' },
    } as const;
    const client = openRedfishClient(peer, { readMs: 150, connectMs: 150, closeMs: 50 });
    try {
      return await client.get('/redfish/v1/Systems/1');
    } finally {
      await client.close();
    }
  },
};

const mostFrames = 12;
const upgradeHeaders = {
  ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-protocol': 'binary' },
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** A frame of RFC 6455 section 5.2, masked as a browser's is. */
function frame(roll: Roll): Buffer {
  const data = randomBytes(roll(4) === 0 ? roll(125) : roll(20), roll);
  const mask = randomBytes(4, roll);
  const masked = data.map((byte, at) => byte ^ (mask[at & 3] ?? 0));
  const sound = Buffer.concat([Buffer.of(0x80 | pick([1, 2, 2, 2, 8, 9, 10, 0], roll), 0x80 | data.length), mask, masked]);
  return roll(3) === 0 ? mutateBytes(sound, roll) : sound;
}

/** The browser's end of an in-memory connection. */
class Wire extends Duplex {
  constructor() {
    super({ emitClose: true });
    this.on('error', () => {});
  }
  override _read(): void {}
  override _write(_data: Buffer, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
  say(data: Buffer): void {
    if (!this.destroyed) this.push(data);
  }
}

const consoleTarget: Target = {
  ...{ name: 'console, websocket frames', share: 2, slowMs: 500 },
  async open() {
    const app = fastify();
    const store = await aStore();
    const tickets = new ConsoleTickets(store);
    const lines = new Set<Duplex>();
    let admitted = () => {};
    const attachConsole = async () => {
      const line = new Duplex({ read() {}, write: (_data, _encoding, done) => done() });
      lines.add(line);
      line.on('error', () => {});
      admitted();
      return line;
    };
    serveConsoles(app, { engine: { attachConsole }, tickets, isAllowed: async () => true });
    await app.ready();
    return {
      make(roll) {
        const frames = Array.from({ length: 1 + roll(mostFrames) }, () => frame(roll));
        return Buffer.concat([Buffer.of(roll(10)), ...frames]);
      },
      /** First byte: 0 = without a valid ticket. */
      async feed(input): Promise<Verdict> {
        const isInvited = input[0] !== 0;
        const url = new URL(await tickets.issue({ node: 'node', token }, 'http://ingot'));
        if (!isInvited) url.searchParams.set('token', input.toString('base64url'));
        const wire = new Wire();
        const request = { method: 'GET', url: url.pathname + url.search, headers: upgradeHeaders, socket: wire };
        const decided = new Promise<void>((resolve) => {
          admitted = resolve;
          wire.once('finish', resolve).once('close', resolve);
        });
        app.server.emit('upgrade', request, wire, Buffer.alloc(0));
        for (let at = 1; at < input.length; at += 40) wire.say(input.subarray(at, at + 40));
        await decided;
        await new Promise((resolve) => setImmediate(resolve));
        const isHeard = lines.size > 0;
        wire.push(null);
        wire.destroy();
        for (const line of lines) line.destroy();
        lines.clear();
        if (isHeard && !isInvited) throw new Error('a console was opened without a ticket');
        return isHeard ? { read: true } : { read: false, reason: 'refused: its ticket is worth nothing' };
      },
      async close() {
        await app.close();
        await store.close();
      },
    };
  },
};

export const streamTargets: readonly Target[] = [peerTarget(iboot), peerTarget(webhook), peerTarget(redfish), consoleTarget];
