/** Firmware: what is installed (DSP0268 schema SoftwareInventory) and its update (schema UpdateService). */
import type { FirmwareComponent, FirmwareInterface } from '../interfaces.ts';
import { lacks } from '../lacks.ts';
import type { AtSystem, OnSystem } from './find-system.ts';
import { readInventory } from './firmware-inventory.ts';
import { type UpdateTimes, updateFirmware } from './firmware-update.ts';
import { readRedfishSettings, redfishProperties } from './properties.ts';

export function createRedfishFirmware(onSystem: OnSystem, times?: UpdateTimes): FirmwareInterface {
  return {
    properties: redfishProperties,
    validate: (node) => void readRedfishSettings(node),
    readComponents: (node, asking) => onSystem({ node, asking, command: 'read firmware versions' }, readComponents),
    update: (node, update, asking) =>
      onSystem({ node, asking, command: `update firmware${update.component ? ` of ${update.component}` : ''}` }, (at) =>
        updateFirmware(at, update, times),
      ),
  };
}

async function readComponents(at: AtSystem): Promise<FirmwareComponent[]> {
  const components = await readInventory(at);
  if (components.length === 0) return await lacks(at.node, 'firmware inventory');
  return components.map(({ component, version, updateable }) => ({ component, version, updateable }));
}
