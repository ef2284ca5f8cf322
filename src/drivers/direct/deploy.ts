/**
 * `direct`: whole-disk images. The agent in the ramdisk pulls the image over HTTP and writes it; the machine boots
 * from its own disk from then on.
 */
import type { DeployInterface } from '#drivers/interfaces.ts';
import { rootDeviceOf } from '#drivers/root-device.ts';
import { checkWholeDiskImage } from './check-image.ts';
import { DirectContext, type DirectTimes, directSteps } from './steps.ts';

export function createDirectDeploy(times: DirectTimes): DeployInterface {
  return {
    boot: ['ipxe', 'pxe'],
    properties: {},
    validate: (node) => void rootDeviceOf(node),
    checkImage: checkWholeDiskImage,
    context: DirectContext,
    steps: directSteps(times),
    // The deployment leaves nothing but boot files and the operation's folder.
    async release() {},
  };
}
