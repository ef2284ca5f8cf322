import type { Disk } from '../agent-protocol/messages.ts';

const gibibyte = 1024 ** 3;

/** What root device hints may name, and how a disk answers. Sizes are in GiB. */
const hintTable: Readonly<Record<string, (disk: Disk) => string | number>> = {
  name: (disk) => disk.device,
  model: (disk) => disk.model,
  serial: (disk) => disk.serial,
  size: (disk) => Math.floor(disk.size_bytes / gibibyte),
  rotational: (disk) => String(disk.rotational),
};

export type DiskWish = { hints?: Readonly<Record<string, string>>; minimumBytes: number };

/** The smallest disk that is large enough and fits every hint. Throws with the reason per disk. */
export function chooseDisk(disks: readonly Disk[], wish: DiskWish): Disk {
  const reasons = disks.map((disk) => whyNot(disk, wish));
  const fitting = disks.filter((_, index) => !reasons[index]).sort((a, b) => a.size_bytes - b.size_bytes);
  if (fitting[0]) return fitting[0];
  if (disks.length === 0) throw new Error('no disk was found on this machine');
  throw new Error(`no disk fits: ${disks.map(({ device }, index) => `${device} ${reasons[index]}`).join('; ')}`);
}

function whyNot(disk: Disk, wish: DiskWish): string | undefined {
  if (disk.removable) return 'is removable';
  if (disk.size_bytes < wish.minimumBytes) return `has ${disk.size_bytes} bytes of the ${wish.minimumBytes} needed`;
  for (const [name, wanted] of Object.entries(wish.hints ?? {})) {
    const read = hintTable[name];
    if (!read) throw new Error(`the root device hint '${name}' is not known; known are ${Object.keys(hintTable).join(', ')}`);
    const actual = read(disk);
    if (!matches(actual, wanted)) return `has ${name} '${actual}', wanted '${wanted}'`;
  }
  return undefined;
}

const comparisons: Readonly<Record<string, (actual: number, wanted: number) => boolean>> = {
  '=': (actual, wanted) => actual >= wanted,
  '==': (actual, wanted) => actual === wanted,
  '!=': (actual, wanted) => actual !== wanted,
  '>=': (actual, wanted) => actual >= wanted,
  '<=': (actual, wanted) => actual <= wanted,
  '>': (actual, wanted) => actual > wanted,
  '<': (actual, wanted) => actual < wanted,
};

/**
 * The operators of root device hints: numbers take `== != >= <= > <` (none: at least), texts take `s== s!= <in>` (none:
 * equal, whatever the case), and `<or>` lists alternatives.
 */
function matches(actual: string | number, wanted: string): boolean {
  if (wanted.startsWith('<or>')) return wanted.split('<or>').some((choice) => choice !== '' && matches(actual, choice.trim()));
  const [, operator = '', value = ''] = /^(s==|s!=|<in>|==|!=|>=|<=|=|>|<)?\s*(.*)$/.exec(wanted.trim()) ?? [];
  if (typeof actual === 'number') return (comparisons[operator || '>='] ?? (() => false))(actual, Number(value));
  const [have, want] = [actual.toLowerCase(), value.toLowerCase()];
  if (operator === '<in>') return have.includes(want);
  return operator === 's!=' || operator === '!=' ? have !== want : have === want;
}
