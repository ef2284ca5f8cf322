/**
 * `iscsi`: partition images, as in the classic driver. The ramdisk exports the machine's disk; the server partitions
 * and fills it; from then on the machine boots its kernel from the network.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { donePort } from '#agent-protocol/classic.ts';
import type { DeployInterface } from '#drivers/interfaces.ts';
import { checkPartitionImage } from './check-image.ts';
import { IscsiContext } from './context.ts';
import { secretFileName } from './iscsi-disk.ts';
import type { IscsiOptions } from './options.ts';
import { rootDiskNames } from './root-disk.ts';
import { iscsiSteps } from './steps.ts';

export function createIscsiDeploy(options: Omit<IscsiOptions, 'donePort'> & Partial<IscsiOptions>): DeployInterface {
  return {
    boot: ['pxe'],
    properties: {},
    validate: (node) => void rootDiskNames(node),
    checkImage: checkPartitionImage,
    context: IscsiContext,
    steps: iscsiSteps({ donePort, ...options }),
    async release(task) {
      const names = [secretFileName, 'piece', 'ephemeral'];
      await Promise.all(names.map((name) => rm(join(task.settings.work_dir, name), { force: true })));
    },
  };
}
