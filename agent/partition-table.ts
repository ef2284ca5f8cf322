import type { RunProgram } from './run-program.ts';

/** In sectors. `type`: a GUID, or two hexadecimal digits in an MBR. */
export type Partition = { node: string; start: number; size: number; type: string };
/** As `sfdisk` reports it. */
export type PartitionTable = {
  label: string;
  sectorsize?: number;
  /** GPT only: last usable sector. */
  lastlba?: number;
  partitions?: Partition[];
};

/** Throws an Error if the disk has none. */
export async function readTable(run: RunProgram, device: string): Promise<PartitionTable> {
  return (JSON.parse(await run('sfdisk', ['--json', device])) as { partitiontable: PartitionTable }).partitiontable;
}

/** sfdisk's words for types, and how it reports them: of a GPT, and of an MBR. */
export const partitionTypes = {
  raid: { word: 'R', reported: ['A19D880F-05FC-4D3B-A006-743F0F84911E', 'FD'] },
  esp: { word: 'U', reported: ['C12A7328-F81F-11D2-BA4B-00A0C93EC93B', 'EF'] },
} as const;

export function kindOf({ type }: Pick<Partition, 'type'>): keyof typeof partitionTypes | undefined {
  const kinds = ['raid', 'esp'] as const;
  return kinds.find((kind) => (partitionTypes[kind].reported as readonly string[]).includes(type.toUpperCase()));
}
