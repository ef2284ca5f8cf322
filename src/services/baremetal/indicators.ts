/** Indicators: the LEDs of a machine. */
import { Fault } from '#domain/faults.ts';

/** The only one supported: the LED that locates the machine in its rack. */
export const component = 'system';
export const indicator = 'led';
export const indicatorStates = ['ON', 'OFF', 'BLINKING'] as const;

/** Throws `notFound` */
export function refuseUnknownIndicator(asked: { component: string; indicator: string }): void {
  if (asked.component !== component) throw new Fault('notFound', { what: 'Component', id: asked.component });
  if (asked.indicator !== indicator) throw new Fault('notFound', { what: 'Indicator', id: asked.indicator });
}
