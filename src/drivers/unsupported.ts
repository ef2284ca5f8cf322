import { Fault } from '#domain/faults.ts';
import type { NodeFacts } from './interfaces.ts';

/** @throws Fault `unsupportedByHardware`, always. */
export async function unsupported(node: Pick<NodeFacts, 'uuid' | 'name' | 'driver'>, what: string): Promise<never> {
  throw new Fault('unsupportedByHardware', { node: node.name ?? node.uuid, driver: node.driver, what });
}
