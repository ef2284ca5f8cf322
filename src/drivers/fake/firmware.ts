import { basename } from 'node:path';
import { Fault } from '#domain/faults.ts';
import type { FirmwareInterface } from '../interfaces.ts';
import { fakeProperties } from './behaviour.ts';
import type { FakeBmc } from './fake-bmc.ts';

const componentTable = [
  { component: 'bmc', version: '1.0.0', updateable: true },
  { component: 'bios', version: '2.1.0', updateable: true },
  { component: 'nic', version: '20.5.13', updateable: true },
  { component: 'cpld', version: '0.9', updateable: false },
] as const;

const pollSeconds = 0.1;

export function createFakeFirmware(bmc: FakeBmc): FirmwareInterface {
  const { machines } = bmc;
  return {
    properties: fakeProperties,
    validate: (node) => void bmc.behaviour(node),
    async readComponents(node, callOptions) {
      await bmc.ask(node, 'firmware', callOptions);
      const { firmware = {} } = machines.stateOf(node);
      return componentTable.map((row) => ({ ...row, version: firmware[row.component] ?? row.version }));
    },
    async startUpdate(node, update, callOptions) {
      const { component = 'bmc' } = update;
      const row = componentTable.find((candidate) => candidate.component === component);
      if (!row?.updateable) {
        const names = componentTable.filter(({ updateable }) => updateable).map((candidate) => candidate.component);
        throw new Fault('badRequest', { detail: `'${component}' cannot be updated; these can: ${names.join(', ')}` });
      }
      const file = basename('url' in update ? urlPath(update.url) : update.path);
      const version = /\d+(?:\.\d+)+/.exec(file)?.[0];
      if (!version)
        throw new Fault('badRequest', { detail: `The image name must contain the version, as in ${component}-3.2.1.bin` });
      await bmc.ask(node, 'firmware', callOptions);
      return { task: { id: `${component} ${version}`, request: 'firmware update' }, againIn: pollSeconds };
    },
    // The task says all that is to be done: a fake machine forgets its own state when Ingot ends.
    async pollUpdate(node, { task }, callOptions) {
      await bmc.ask(node, 'firmware', callOptions);
      const [component = '', version = ''] = task.id.split(' ');
      const machine = machines.change(node);
      machine.firmware = { ...machine.firmware, [component]: version };
      machines.note(node, { severity: 'ok', source: component, message: `updated to ${version}` });
      return undefined;
    },
  };
}

function urlPath(url: string): string {
  if (!URL.canParse(url)) throw new Fault('badRequest', { detail: 'The image must be a URL' });
  return new URL(url).pathname;
}
