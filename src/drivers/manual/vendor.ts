import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { VendorInterface } from '../interfaces.ts';

/** @param state undefined = the requested state */
export type Confirm = (nodeUuid: string, state: PowerState | undefined) => Promise<void>;

const stateTable: Readonly<Record<string, PowerState>> = {
  on: 'power on',
  'power on': 'power on',
  off: 'power off',
  'power off': 'power off',
};

export function createManualVendor(confirm: Confirm): VendorInterface {
  return {
    properties: {},
    validate() {},
    methods: {
      confirm: {
        help: 'Confirms the requested power change, or reports the current power state (state=on or state=off).',
        http: ['POST', 'PUT'],
        // An operation waits for this call.
        whileBusy: true,
        async run(node, parameters) {
          const state = readState(parameters);
          await confirm(node.uuid, state);
          return null;
        },
      },
    },
  };
}

function readState({ state, ...others }: JsonObject): PowerState | undefined {
  const [unknown] = Object.keys(others);
  if (unknown) throw new Fault('badRequest', { detail: `confirm has no parameter '${unknown}'; it takes state=on or state=off` });
  if (state === undefined) return undefined;
  const found = typeof state === 'string' && Object.hasOwn(stateTable, state) ? stateTable[state] : undefined;
  if (!found) throw new Fault('badRequest', { detail: "state must be 'on' or 'off'" });
  return found;
}
