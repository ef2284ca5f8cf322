import type { CurrentRaid } from '#domain/raid.ts';
import type { NodeFacts, PlannedVolume, RaidInterface, RaidVolume } from '../interfaces.ts';
import { fakeProperties } from './behaviour.ts';
import type { FakeBmc } from './fake-bmc.ts';

const controller = 'fake-controller';
const gib = 1024 ** 3;
/** Of a volume that is as large as it can be. */
const wholeGib = 1000;
const pollSeconds = 0.1;

/** Volumes of a fake controller, which has as many disks as are asked for, of any size. */
export function createFakeRaid(bmc: FakeBmc): RaidInterface {
  const { machines } = bmc;
  /** What the machine's row says, until it is changed: a fake machine forgets its own state when Ingot ends. */
  const volumesOf = (node: NodeFacts): readonly RaidVolume[] =>
    machines.stateOf(node).volumes ?? recorded(node.raid_config ?? {});
  return {
    properties: fakeProperties,
    simulated: true,
    validate: (node) => void bmc.behaviour(node),
    checkConfig() {},
    applies: { nonroot: true, deletes: true },
    outOfBand: {
      async readVolumes(node, callOptions) {
        await bmc.ask(node, 'raid', callOptions);
        return [...volumesOf(node)];
      },
      async plan(node, { disks }, callOptions) {
        await bmc.ask(node, 'raid', callOptions);
        return disks.map((disk, index): PlannedVolume => {
          const { size_gb, volume_name, raid_level, controller: at = controller, physical_disks: given } = disk;
          const count = disk.number_of_physical_disks ?? 2;
          const drives = given?.map(String) ?? Array.from({ length: count }, (_, number) => `disk-${index + 1}-${number + 1}`);
          return {
            ...{ controller: at, at: 'volumes', raid_level, drives },
            ...(size_gb !== 'MAX' && { size_bytes: size_gb * gib }),
            ...(volume_name !== undefined && { name: volume_name }),
          };
        });
      },
      async create(node, { name, size_bytes = wholeGib * gib, ...planned }, callOptions) {
        await bmc.ask(node, 'raid', callOptions);
        const volumes = volumesOf(node);
        const number = Math.max(0, ...volumes.map(({ id }) => Number(id))) + 1;
        const { raid_level, drives, controller: at } = planned;
        const volume = { id: String(number), name: name ?? `volume-${number}`, controller: at, size_bytes, raid_level, drives };
        const made: RaidVolume = { ...volume, root_device_hint: { wwn: wwnOf(number) } };
        return { task: { id: JSON.stringify(made), request: 'volume creation' }, againIn: pollSeconds };
      },
      async remove(node, { id }, callOptions) {
        await bmc.ask(node, 'raid', callOptions);
        machines.change(node).volumes = volumesOf(node).filter((volume) => volume.id !== id);
        return undefined;
      },
      // The task says all that is to be done: a fake machine forgets its own state when Ingot ends.
      async poll(node, task, callOptions) {
        await bmc.ask(node, 'raid', callOptions);
        const made = JSON.parse(task.id) as RaidVolume;
        const others = volumesOf(node).filter(({ id }) => id !== made.id);
        machines.change(node).volumes = [...others, made];
        return undefined;
      },
      find: async () => undefined,
    },
  };
}

function wwnOf(number: number): string {
  return `0x6000${String(number).padStart(12, '0')}`;
}

/** As the engine has recorded them. */
function recorded({ logical_disks = [] }: Partial<CurrentRaid>): RaidVolume[] {
  return logical_disks.map(({ id, name, controller: at, size_gb, raid_level, root_device_hint }) => ({
    ...{ id: String(id), name: String(name), controller: String(at), size_bytes: Number(size_gb) * gib, raid_level },
    ...(root_device_hint && { root_device_hint }),
  }));
}
