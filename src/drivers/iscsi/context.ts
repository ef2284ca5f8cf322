/** What the steps of the classic chain keep for later steps, in the operation's context. */
import { type Static, Type } from 'typebox';
import { IscsiTarget } from './deploy-post.ts';
import { Partition } from './partitions.ts';

export const IscsiContext = Type.Object({
  /** Authenticates the ramdisk's POST, and Ingot at the ramdisk's disk. */
  deployment_key: Type.String(),
  /** Name of the iSCSI target that the ramdisk is told to export. */
  iqn: Type.String(),
  /** UUID of the file system in the image. */
  root_uuid: Type.String(),
  target: IscsiTarget,
  partitions: Type.Array(Partition),
  /** The ramdisk does not listen: the machine is restarted by its power. */
  is_restarting: Type.Boolean(),
});
export type IscsiContext = Static<typeof IscsiContext>;

/** @throws if the step that finds it has not run: a defect in the order of the steps */
export function known<K extends keyof IscsiContext>(context: Readonly<Partial<IscsiContext>>, name: K): IscsiContext[K] {
  const value = context[name];
  if (value === undefined) throw new Error(`no step has found ${name}`);
  return value;
}
