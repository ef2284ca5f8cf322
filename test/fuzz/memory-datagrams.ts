/** An in-memory network between one client and the virtual BMC, with a man in the middle. */
import { type Bmc, type BmcOptions, startBmc } from '#lab/bmc/bmc.ts';
import type { BmcUser } from '#lab/bmc/bmc-sessions.ts';
import type { Chassis } from '#lab/bmc/chassis.ts';
import type { Datagrams, Peer } from '#wire/udp/datagrams.ts';

export type Middleman = {
  /** The packets that arrive in place of each packet. */
  toBmc(packet: Buffer): readonly Buffer[];
  toConsole(packet: Buffer): readonly Buffer[];
};

export type MemoryWire = {
  readonly bmc: Bmc;
  readonly datagrams: Datagrams;
  /** Injects a packet from any source. @throws what the BMC throws */
  inject(packet: Buffer): void;
  /** Packets that the BMC has sent. */
  readonly answers: number;
};

const peer: Peer = { address: '192.0.2.1', port: 623 };
const console_: Peer = { address: '192.0.2.2', port: 40_000 };

export type WireOptions = Pick<BmcOptions, 'profile' | 'onCommand' | 'onChassisError'> & {
  readonly chassis: Chassis;
  readonly users: readonly BmcUser[];
};

export async function createMemoryWire(options: WireOptions, middle: Middleman): Promise<MemoryWire> {
  let inject: (packet: Buffer) => void = () => {};
  let answers = 0;
  const ends = new Set<(packet: Buffer) => void>();
  const listen: NonNullable<BmcOptions['listen']> = async (_at, receive) => {
    inject = (packet) => receive(packet, console_);
    const send = (packet: Uint8Array) => {
      answers += 1;
      const arriving = middle.toConsole(Buffer.from(packet));
      queueMicrotask(() => {
        for (const one of arriving) for (const end of ends) end(one);
      });
    };
    return { address: peer, send, close: async () => {} };
  };
  const bmc = await startBmc({ ...options, ...peer, listen });
  const datagrams: Datagrams = {
    async connect(_peer, receive) {
      ends.add(receive);
      const send = (packet: Uint8Array) => {
        const arriving = middle.toBmc(Buffer.from(packet));
        queueMicrotask(() => {
          for (const one of arriving) inject(one);
        });
      };
      return { send, close: () => void ends.delete(receive) };
    },
  };
  return {
    bmc,
    datagrams,
    inject: (packet) => inject(packet),
    get answers() {
      return answers;
    },
  };
}
