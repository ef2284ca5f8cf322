/** Machines whose controller is reached through another machine's BMC, configured as in Ironic. */
import type { Bridge } from '#wire/ipmi/bridge.ts';
import { bmcAddress } from '#wire/ipmi/message.ts';
import { readDriverInfo } from '../driver-info.ts';
import type { NodeFacts, Properties } from '../interfaces.ts';

const kinds = ['no', 'single', 'dual'] as const;
const channels = { min: 0, max: 15, default: -1 };
const addresses = { min: 1, max: 255, default: -1 };

export const bridgingProperties: Properties = {
  ipmi_bridging: {
    help: `${kinds.join(', ')}: through how many controllers commands go to this machine's. The console and the session stay with the BMC at ipmi_address.`,
    default: 'no',
  },
  ipmi_target_channel: { help: 'Channel on which the controller of this machine is, e.g. 7; with ipmi_bridging.' },
  ipmi_target_address: { help: 'Its address there, e.g. 0x72; with ipmi_bridging.' },
  ipmi_transit_channel: { help: "The BMC's channel to the controller between; with ipmi_bridging=dual." },
  ipmi_transit_address: { help: 'Its address there; with ipmi_bridging=dual.' },
  ipmi_local_address: { help: "The BMC's own address on the bus; with ipmi_bridging=dual.", default: '0x20' },
};

/** @throws Fault `driverInfo` */
export function readBridge(node: Pick<NodeFacts, 'uuid' | 'name' | 'driver_info'>): Bridge | undefined {
  const info = readDriverInfo(node);
  const kind = info.choice('ipmi_bridging', kinds, 'no');
  if (kind === 'no') return undefined;
  const hop = (which: 'target' | 'transit') => {
    const needed = (key: string, range: typeof channels) => {
      info.required(key);
      return info.whole(key, range);
    };
    return {
      channel: needed(`ipmi_${which}_channel`, channels),
      address: needed(`ipmi_${which}_address`, addresses),
    };
  };
  const target = hop('target');
  if (kind === 'single') return { target };
  const localAddress = info.whole('ipmi_local_address', { ...addresses, default: bmcAddress });
  return { target, transit: hop('transit'), localAddress };
}
