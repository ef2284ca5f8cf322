/** The disk that an image is written to: a physical one, or a volume of the node's software RAID. */
import { open } from 'node:fs/promises';
import { chooseDisk, type RootDeviceRequest } from '../agent-protocol/choose-disk.ts';
import type { Disk, RaidArray, RaidVolume } from '../agent-protocol/messages.ts';
import { espVolume, noBiosRoot } from '../agent-protocol/raid-plan.ts';
import type { Machine } from './machine.ts';
import { examineArrays, holdersOf, type MdParts, type RunningArray, runningArrays, startArray } from './md.ts';
import { kindOf, readTable } from './partition-table.ts';
import type { RunProgram } from './run-program.ts';
import { writeZeros } from './zeros.ts';

/** `esp`: the array of the EFI system partitions, if the root disk is an array. */
export type Root = { disk: Disk; esp?: RunningArray };
type Request = RootDeviceRequest & { raid?: readonly RaidVolume[] | undefined };

/** Starts the volumes of the node's software RAID, if it has one. Throws an Error before anything is written. */
export async function chooseRoot(machine: Machine, { raid = [], ...request }: Request): Promise<Root> {
  if (raid.length === 0) return { disk: chooseDisk(machine.disks(), request) };
  const { md } = machine;
  if (!md) throw new Error('software RAID needs disks, not files');
  const examined = await examineArrays(md);
  const volumes: { volume: RaidVolume; array: RaidArray; running: RunningArray }[] = [];
  for (const volume of raid) {
    const array = arrayNamed(volume.name, examined);
    volumes.push({ volume, array, running: await startArray(md, array) });
  }
  const members = holdersOf(volumes.map(({ array }) => array));
  const root = volumes.find(({ volume }) => volume.is_root);
  const arrays = volumes.filter(({ volume }) => volume.is_root !== false).map(({ running }) => running.disk);
  // As by Ironic's agent, the root volume that the operator has named comes before the hints.
  const disk = root
    ? chooseDisk([root.running.disk], { minimumBytes: request.minimumBytes })
    : chooseDisk([...arrays, ...machine.disks().filter(({ device }) => !members.includes(device))], request);
  const chosen = volumes.find(({ running }) => running.disk.device === disk.device);
  return chosen ? { disk, esp: await espOf(chosen, { machine, md, examined }) } : { disk };
}

function arrayNamed(name: string, examined: readonly RaidArray[]): RaidArray {
  const found = examined.filter((array) => array.name === name);
  const [array] = found;
  if (found.length > 1)
    throw new Error(`${found.length} RAIDs on the disks have the name ${name}: delete them, and create it again`);
  if (array) return array;
  const others = examined.map((each) => each.name).join(', ') || 'none';
  throw new Error(`the RAID ${name}, which the node has by its raid_config, is not on the disks (found: ${others})`);
}

type Site = { machine: Machine; md: MdParts; examined: readonly RaidArray[] };

async function espOf({ array, running }: { array: RaidArray; running: RunningArray }, { machine, md, examined }: Site) {
  const { mode } = machine.inventory().firmware;
  if (mode !== 'uefi') throw new Error(noBiosRoot);
  if (running.degraded > 0)
    throw new Error(`the RAID ${array.name} lacks ${running.degraded} of its ${array.members_wanted} members`);
  const esp = examined.find(({ name }) => name === espVolume);
  const lacking = holdersOf([array]).filter((disk) => !esp || !holdersOf([esp]).includes(disk));
  if (!esp || lacking.length > 0)
    throw new Error(`${lacking.join(', ')} has no EFI system partition from which the RAID ${array.name} could be started`);
  return startArray(md, esp);
}

/** A disk, or an array that runs. Throws an Error. */
export async function diskNamed(machine: Machine, device: string): Promise<Disk> {
  const disks = [...machine.disks(), ...(machine.md ? (await runningArrays(machine.md)).map(({ disk }) => disk) : [])];
  const found = disks.find((disk) => disk.device === device);
  if (!found) throw new Error(`there is no disk ${device}`);
  return found;
}

const chunkBytes = 4 * 1024 ** 2;
/** The boot sector and its copy. */
const signatureBytes = 64 * 1024;

/**
 * Firmware knows no RAID: it starts the loader from the EFI system partition of a member, which begins like the array of
 * these. The copy in the volume loses its boot sector, so that the system mounts the other by its id.
 */
export async function copyEsp(run: RunProgram, { from, to }: { from: Disk; to: Disk }): Promise<void> {
  const table = await readTable(run, from.device);
  const partition = table.partitions?.find((each) => kindOf(each) === 'esp');
  if (!partition) throw new Error('the image has no EFI system partition, from which a machine with software RAID starts');
  const sector = table.sectorsize ?? 512;
  const [start, size] = [partition.start * sector, partition.size * sector];
  if (size > to.size_bytes)
    throw new Error(`the EFI system partition of the image has ${size} bytes, those of the RAID have ${to.size_bytes}`);
  const source = await open(from.device, 'r+');
  const target = await open(to.device, 'r+').catch(async (error) => {
    await source.close();
    throw error;
  });
  try {
    const buffer = Buffer.alloc(chunkBytes);
    for (let done = 0; done < size; ) {
      const { bytesRead } = await source.read(buffer, 0, Math.min(chunkBytes, size - done), start + done);
      if (bytesRead === 0) throw new Error(`${from.device} ends within its EFI system partition`);
      await target.write(buffer, 0, bytesRead, done);
      done += bytesRead;
    }
    await target.sync();
    await writeZeros(source, { offset: start, length: Math.min(size, signatureBytes) });
    await source.sync();
  } finally {
    await source.close();
    await target.close();
  }
}
