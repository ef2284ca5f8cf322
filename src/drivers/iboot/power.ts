import { PeerQueue } from '#async/peer-queue.ts';
import { Fault } from '#domain/faults.ts';
import { changeRelay, DxpError, type DxpPeer, getRelays } from '#wire/iboot/dxp-client.ts';
import { dxpPort } from '#wire/iboot/dxp-packets.ts';
import type { FaultTable, PowerInterface } from '../interfaces.ts';
import { eachCord, stateByCords } from '../power-cords.ts';
import { type IbootSettings, ibootEndpoints, ibootProperties, readIbootSettings } from './properties.ts';

const faultTable: FaultTable = {
  silent: 'bmcUnreachable',
  // As for a wrong user name or password, but also without one.
  refused: 'bmcConnectionClosed',
  answered: 'bmcError',
};

/** Name of the device in faults. */
const device = 'iBoot';

/** Power supplies keep an idle machine running for a second or two. */
const pauseSeconds = 5;

/** @param timeout timeout of one exchange in milliseconds */
export function createIbootPower(timeout: number): PowerInterface {
  const queue = new PeerQueue<number, readonly boolean[]>();
  return {
    properties: ibootProperties,
    // The engine does a reset as off and on, and verifies the effect of each.
    targets: ['power on', 'power off'],
    pauseSeconds,
    validate: (node) => void readIbootSettings(node),
    endpoints: ibootEndpoints,
    async getPower(node, callOptions = {}) {
      const settings = readIbootSettings(node);
      const read = (relays: readonly number[]) => getRelays(settings, Math.max(...relays), { timeout });
      const question = { peer: deviceOf(settings), account: accountOf(settings), read, signal: callOptions.signal };
      const stateOf = async (relay: number) => {
        const states = await queue.readTogether(relay, question).catch(toFault(settings, 'get relays', timeout));
        const on = states[relay - 1];
        if (on !== undefined) return on ? 'power on' : 'power off';
        const detail = `the states of ${states.length} relays, and none of relay ${relay}`;
        throw new Fault('bmcUnsupported', { device, address: formatPeer(settings), command: 'get relays', detail });
      };
      const cords = settings.relays.map((relay) => ({
        name: `relay ${relay} of the iBoot at ${formatPeer(settings)}`,
        state: stateOf(relay),
      }));
      return await stateByCords(cords, callOptions);
    },
    async setPower(node, target, { signal } = {}) {
      const settings = readIbootSettings(node);
      if (target !== 'power on' && target !== 'power off')
        throw new Fault('internal', { detail: `${target} is no command of an iBoot` });
      const on = target === 'power on';
      const switchRelay = (relay: number) =>
        queue
          .run(deviceOf(settings), () => changeRelay(settings, { relay, on }, { timeout, signal }), signal)
          .catch(toFault(settings, `relay ${relay} ${on ? 'on' : 'off'}`, timeout));
      await eachCord(settings.relays.map(switchRelay));
    },
  };
}

function deviceOf({ address, port }: DxpPeer): string {
  return `${address} ${port}`;
}

/** Part of the queue key: nodes with different users of one device must not share responses. */
function accountOf({ address, port, user, password }: DxpPeer): string {
  return JSON.stringify([address, port, user, password]);
}

function toFault(settings: IbootSettings, command: string, timeout: number): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof DxpError)) throw error;
    const fields = {
      device,
      address: formatPeer(settings),
      command,
      detail: error.message,
      attempts: 1,
      seconds: timeout / 1000,
    };
    throw new Fault(faultTable[error.failure] ?? 'internal', fields, error.message);
  };
}

function formatPeer({ address, port }: IbootSettings): string {
  return port === dxpPort ? address : `${address} (port ${port})`;
}
