/** The duration of each phase of a deployment, computed from its events. Pure: demo and benchmark share it. */
import type { CloudEvent } from './cloud-client.ts';

export const phaseNames = ['prepare', 'firmware', 'DHCP + boot files', 'ramdisk', 'image', 'reboot', 'OS'] as const;
export type PhaseName = (typeof phaseNames)[number];
export type Phases = Record<PhaseName, number>;

const fetches = new Set(['dhcp', 'tftp', 'http']);

/**
 * Seconds of each phase, in order, adding up to the total.
 * @param events of the server, oldest first
 * @param login when SSH responded
 */
export function readPhases(events: readonly CloudEvent[], login: Date): Phases {
  const at = (event: CloudEvent | undefined) => (event ? Date.parse(event.at) : undefined);
  const isStep = (status: string) => (event: CloudEvent) => event.kind === 'step' && event.data['status'] === status;
  const start = at(events[0]) ?? login.getTime();
  const isPowerOnEnd = (event: CloudEvent) => isStep('ended')(event) && event.subject === 'power on';
  const powerOn = at(events.find(isPowerOnEnd)) ?? start;
  const heardIndex = events.findIndex((event) => event.kind === 'agent');
  const untilHeard = heardIndex < 0 ? events : events.slice(0, heardIndex);
  const asked = untilHeard.filter((event) => fetches.has(event.kind) && Date.parse(event.at) >= powerOn);
  const firstAsk = at(asked[0]) ?? powerOn;
  const lastFetch = at(asked.findLast((event) => event.kind !== 'dhcp')) ?? firstAsk;
  const heard = at(events[heardIndex]) ?? lastFetch;
  const written = at(events.findLast((event) => isStep('ended')(event) && event.data['phase'] === 'image')) ?? heard;
  const done = at(events.findLast((event) => event.kind === 'operation' && event.data['status'] === 'done')) ?? written;
  const marks = [start, powerOn, firstAsk, lastFetch, heard, written, done, login.getTime()];
  const phases = {} as Phases;
  let before = start;
  for (const [index, name] of phaseNames.entries()) {
    // The timestamps come from different sources; a late log line must not make a phase negative.
    const mark = Math.max(before, marks[index + 1] ?? before);
    phases[name] = (mark - before) / 1000;
    before = mark;
  }
  return phases;
}
