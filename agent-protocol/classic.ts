/**
 * The classic driver's protocol (chain A): the kernel parameters for the ramdisk, the form that the ramdisk POSTs to
 * the deploy helper, and the iSCSI target's CHAP account, which both sides derive so that it never crosses the network.
 */
import { createHmac } from 'node:crypto';

export const classicParameters = {
  iqn: 'iscsi_target_iqn',
  deploymentId: 'deployment_id',
  deploymentKey: 'deployment_key',
  /** Comma-separated list of disks, the first existing one is used; the classic default plus NVMe. */
  disk: 'disk',
  troubleshoot: 'troubleshoot',
} as const;

export const deployHelperPort = 10000;
/** Port on which the node waits for `done`. */
export const donePort = 10000;
export const iscsiPort = 3260;
export const iscsiLun = 1;
export const classicDisks = 'cciss/c0d0,sda,hda,vda,nvme0n1';

/**
 * Form fields of the POST; `e` is the ramdisk's first error. `u` and `s` are extensions: system UUID and serial number
 * from SMBIOS, to detect the wrong machine. Classic ramdisks do not send them, classic helpers ignore them.
 */
export type DeployPost = {
  i: string;
  k: string;
  a: string;
  n: string;
  p?: string;
  l?: string;
  e?: string;
  u?: string;
  s?: string;
};

/** 16 characters: the longest secret that every initiator supports. */
export function chapAccount(deploymentKey: string, iqn: string): { user: string; password: string } {
  const password = createHmac('sha256', deploymentKey).update(`iscsi-chap ${iqn}`).digest('base64url').slice(0, 16);
  return { user: 'ingot', password };
}
