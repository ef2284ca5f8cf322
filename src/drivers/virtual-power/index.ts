import { SshPool } from '#tools/ssh-pool.ts';
import type { PowerInterface } from '../interfaces.ts';
import { hostOf } from './ask-host.ts';
import { Machines } from './machines.ts';
import { createVirtualPower } from './power.ts';
import { readVirtualPowerSettings, type VirtualPowerDefaults } from './properties.ts';

export type { VirtualPowerDefaults } from './properties.ts';

export type VirtualPowerDriver = {
  readonly power: PowerInterface;
  /** Aborts commands in progress and closes all connections. */
  close(): Promise<void>;
};

/** @param directory for the sockets of the shared connections and, while one is being opened, its secrets */
export function createVirtualPowerDriver(directory: string, defaults: VirtualPowerDefaults): VirtualPowerDriver {
  const pool = new SshPool(directory);
  const power = createVirtualPower({
    hostOf: (node) => hostOf(pool, node, defaults),
    validate: (node) => void readVirtualPowerSettings(node, defaults),
    machines: new Machines(),
  });
  return { power, close: () => pool.close() };
}
