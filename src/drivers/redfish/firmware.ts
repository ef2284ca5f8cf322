/** Firmware: inventory (DSP0268 schema SoftwareInventory) and updates (schema UpdateService). */
import { asFault, passingBmcFaults } from '#domain/faults.ts';
import type { FirmwareComponent, FirmwareInterface, FirmwareUpdate } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { readInventory } from './firmware-inventory.ts';
import { pollUpdate, startUpdate, type UpdateTimes, usualTimes } from './firmware-update.ts';
import { readRedfishSettings, redfishProperties } from './properties.ts';

export function createRedfishFirmware(withSystem: WithSystem, times: UpdateTimes = usualTimes): FirmwareInterface {
  return {
    properties: redfishProperties,
    validate: (node) => void readRedfishSettings(node),
    readComponents: (node, callOptions) => withSystem({ node, callOptions, command: 'read firmware versions' }, readComponents),
    startUpdate: (node, update, callOptions) =>
      withSystem({ node, callOptions, command: `update ${nameOf(update)}` }, (at) => startUpdate(at, update, times)),
    async pollUpdate(node, started, callOptions) {
      const command = `ask for the update of ${nameOf(started.update)}`;
      let isFound = false;
      let hasFailed = false;
      const onFailed = () => {
        hasFailed = true;
      };
      try {
        return await withSystem({ node, callOptions, command }, (at) => {
          isFound = true;
          return pollUpdate(at, started, { times, onFailed });
        });
      } catch (error) {
        if (hasFailed) return { failed: asFault(error) };
        // After a restart of Ingot the system is looked for, and the BMC may be restarting.
        const isLate = started.elapsed * 1000 + times.pauseMs > times.taskMs;
        if (isFound || isLate || !passingBmcFaults.includes(asFault(error).code)) throw error;
        return { task: { ...started.task, isRestarting: true }, againIn: times.pauseMs / 1000 };
      }
    },
  };
}

function nameOf({ component }: FirmwareUpdate): string {
  return `firmware${component ? ` of ${component}` : ''}`;
}

async function readComponents(at: SystemContext): Promise<FirmwareComponent[]> {
  const components = await readInventory(at);
  if (components.length === 0) return await unsupported(at.node, 'firmware inventory');
  return components.map(({ target: _, ...component }) => component);
}
