/** The root device hints of a node, checked before its machine is powered on. */
import { type Hint, parseRootDevice } from '#agent-protocol/root-device.ts';
import { Fault } from '#domain/faults.ts';
import type { NodeFacts } from './interfaces.ts';

/** @throws Fault `badRequest` for invalid hints: the agent could not choose the disk to write to. */
export function rootDeviceOf({ name, uuid, properties }: Pick<NodeFacts, 'name' | 'uuid' | 'properties'>): readonly Hint[] {
  try {
    return parseRootDevice(properties['root_device']);
  } catch (error) {
    const detail = `properties/root_device of node ${name ?? uuid} cannot be used: ${(error as Error).message}.`;
    throw new Fault('badRequest', { detail });
  }
}
