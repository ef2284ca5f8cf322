/** Firmware: inventory (DSP0268 schema SoftwareInventory) and updates (schema UpdateService). */
import type { FirmwareComponent, FirmwareInterface } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { readInventory } from './firmware-inventory.ts';
import { type UpdateTimes, updateFirmware } from './firmware-update.ts';
import { readRedfishSettings, redfishProperties } from './properties.ts';

export function createRedfishFirmware(withSystem: WithSystem, times?: UpdateTimes): FirmwareInterface {
  return {
    properties: redfishProperties,
    validate: (node) => void readRedfishSettings(node),
    readComponents: (node, callOptions) => withSystem({ node, callOptions, command: 'read firmware versions' }, readComponents),
    update: (node, update, callOptions) =>
      withSystem({ node, callOptions, command: `update firmware${update.component ? ` of ${update.component}` : ''}` }, (at) =>
        updateFirmware(at, update, times),
      ),
  };
}

async function readComponents(at: SystemContext): Promise<FirmwareComponent[]> {
  const components = await readInventory(at);
  if (components.length === 0) return await unsupported(at.node, 'firmware inventory');
  return components.map(({ component, version, updateable }) => ({ component, version, updateable }));
}
