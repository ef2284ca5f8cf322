import type { InspectInterface } from '../interfaces.ts';
import { fakeProperties } from './behaviour.ts';
import type { FakeBmc } from './fake-bmc.ts';

const gibibyte = 2 ** 30;

/** Every fake machine has the same parts, and the NICs of its node's ports. */
export function createFakeInspect(bmc: FakeBmc): InspectInterface {
  return {
    properties: fakeProperties,
    validate: (node) => void bmc.behaviour(node),
    async readHardware(node, callOptions) {
      await bmc.ask(node, 'hardware', callOptions);
      const drives = [{ name: 'Bay 1', size_bytes: 480 * gibibyte, model: 'Fake SSD', serial: 'F1', rotational: false }];
      return {
        cpu: { count: 16, architecture: 'x86_64', model: 'Fake CPU', frequency_mhz: 3000 },
        ...{ memory_mb: 65_536, drives, disks: drives },
        nics: node.ports.map(({ address }, index) => ({ name: `${index + 1}`, mac: address, speed_mbps: 25_000, link: true })),
        boot_mode: 'uefi',
        system: { manufacturer: 'Fake', product: 'Fake server', serial: node.uuid, bios_version: '2.1.0' },
        ...{ storage_controllers: [], pci_devices: [], lldp: {} },
      };
    },
  };
}
