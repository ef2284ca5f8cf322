/** Findings of the list benchmark as lines of text. Pure. */
import type { ListFindings, Timing } from './measure.ts';

export function renderListFindings({ started, host, size, routes, choices, prune }: ListFindings): string {
  const width = Math.max(...[...routes, ...choices].map(({ title }) => shorten(title).length)) + 2;
  const line = ({ title, cpu, wall, bytes }: Timing) =>
    shorten(title).padEnd(width) +
    [cpu.toFixed(1), wall.toFixed(1), bytes === undefined ? '' : (bytes / 1000).toFixed(1)].map(pad).join('').trimEnd();
  const head = (title: string, ...cells: string[]) => title.padEnd(width) + cells.map(pad).join('').trimEnd();
  return [
    `Ingot benchmark of lists, ${started}`,
    host,
    Object.entries(size)
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
    '',
    head('GET', 'CPU ms', 'clock ms', 'kB'),
    ...routes.map(line),
    '',
    head('POST /servers: choice and claim', 'CPU ms', 'clock ms'),
    ...choices.map(line),
    '',
    `old records removed: operations ${prune.operations}, events ${prune.events} in ${prune.seconds.toFixed(1)} s of processor time;`,
    `the longest stretch without a turn for others ${prune.longestMs.toFixed(1)} ms of it`,
    '',
  ].join('\n');
}

const pad = (cell: string) => cell.padStart(11);
/** UUIDs make the table hard to read. */
const shorten = (title: string) => title.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '{id}');
