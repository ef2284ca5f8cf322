/** Says what was last seen of a silent machine and what that most likely means: the first question of every operator. */
import type { Event, Operation } from '#domain/records.ts';
import type { Store } from '#store/store.ts';

type Explanation = { seen: string; cause: string };
type Clue = { readonly when: (seen: ReadonlySet<string>) => boolean; readonly cause: string };

/** First matching row wins: from the furthest stage a machine reached back to none at all. */
const clueTable: readonly Clue[] = [
  {
    when: (seen) => seen.has('agent'),
    cause:
      'The ramdisk was alive and fell silent: the machine may have crashed, lost its network or been switched off. Its console log shows the last output.',
  },
  {
    when: (seen) => seen.has('http') || seen.has('tftp'),
    cause:
      'Boot files were fetched but the ramdisk never reported: the kernel may lack a driver for the NIC or memory, or cannot reach the provisioning address. Its console log shows how far it came.',
  },
  {
    when: (seen) => seen.has('dhcp'),
    cause:
      'The machine asked for an address but fetched no boot file: another DHCP server may have answered, or TFTP (port 69) is blocked.',
  },
  {
    when: () => true,
    cause:
      'Nothing was heard of its MAC addresses: check that the enrolled MACs are right, that the NIC boots from the network first, and that its switch port is on the provisioning network (spanning tree may hold it back).',
  },
];

const machineKinds = new Set<Event['kind']>(['dhcp', 'tftp', 'http', 'agent']);

/** Reads the events of the machine since it was last switched on by this operation. */
export async function explainSilence(store: Store, operation: Operation): Promise<Explanation> {
  const events = await store.events.list({ node_uuid: operation.node_uuid, descending: true, limit: 500 });
  const own = sincePowerOn(events.filter((event) => event.at >= operation.created_at));
  const signs = own.filter((event) => machineKinds.has(event.kind));
  const seen = new Set<string>(signs.map((event) => event.kind));
  const last = signs[0];
  return {
    seen: last ? `${last.message} (${last.at})` : 'nothing from this machine',
    cause: clueTable.find((clue) => clue.when(seen))?.cause ?? '',
  };
}

/** @param events newest first */
function sincePowerOn(events: Event[]): Event[] {
  const powerOn = events.findIndex((event) => event.kind === 'bmc' && event.subject === 'power on');
  return powerOn < 0 ? events : events.slice(0, powerOn);
}
