import { Fault } from '#domain/faults.ts';
import type { NodeFacts } from './interfaces.ts';

/** @throws Fault `notOfThisHardware`, always. */
export async function lacks(node: Pick<NodeFacts, 'uuid' | 'name' | 'driver'>, what: string): Promise<never> {
  throw new Fault('notOfThisHardware', { node: node.name ?? node.uuid, driver: node.driver, what });
}
