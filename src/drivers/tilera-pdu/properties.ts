import { isHost, readDriverInfo, withoutBrackets } from '../driver-info.ts';
import type { NodeFacts, Properties } from '../interfaces.ts';

export const tileraProperties: Properties = {
  tilera_pdu_address: { help: 'Address of the PDU: the first argument of the manager program (tile_pdu_ip).', required: true },
  tilera_outlet: { help: 'A third argument of the manager program, for a site whose PDU has several outlets; default: none.' },
  tilera_address: {
    help: 'Address of the machine itself; it is pinged to see whether its power is on (pm_address). Needed where tilera_status is ping.',
  },
  tilera_status: {
    help: 'How the power state is seen: `ping` the machine, as the classic driver did, or ask the `manager` program.',
    default: 'ping',
  },
};

export type TileraSettings = {
  readonly pdu: string;
  readonly outlet: string;
  /** `''` if the state is queried from the manager. */
  readonly machine: string;
};

/** @throws Fault `driverInfo` */
export function readTileraSettings(node: NodeFacts): TileraSettings {
  const info = readDriverInfo(node);
  const host = (key: string) => {
    const value = withoutBrackets(info.required(key));
    // The programs would parse a leading hyphen as an option.
    if (!isHost(value)) throw info.wrong(`${key} must be a host name or an IP address`);
    return value;
  };
  const outlet = info.text('tilera_outlet');
  if (outlet !== '' && !/^[0-9A-Za-z][-0-9A-Za-z.:_/]*$/.test(outlet)) {
    throw info.wrong('tilera_outlet must be letters, digits and .:_/- after a first letter or digit');
  }
  const byPing = info.choice('tilera_status', ['ping', 'manager'], 'ping') === 'ping';
  return { pdu: host('tilera_pdu_address'), outlet, machine: byPing ? host('tilera_address') : '' };
}
