/** The root device hints of a node, checked before its machine is powered on. */
import { type Hint, parseRootDevice } from '#agent-protocol/root-device.ts';
import { Fault } from '#domain/faults.ts';
import type { NodeFacts } from './interfaces.ts';

/** @throws Fault `badRequest` for hints that cannot be meant: the agent would not know which disk to write. */
export function rootDeviceOf({ name, uuid, properties }: Pick<NodeFacts, 'name' | 'uuid' | 'properties'>): readonly Hint[] {
  try {
    return parseRootDevice(properties['root_device']);
  } catch (error) {
    const detail = `properties/root_device of node ${name ?? uuid} cannot be used: ${(error as Error).message}.`;
    throw new Fault('badRequest', { detail });
  }
}
