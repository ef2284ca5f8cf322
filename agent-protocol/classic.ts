/**
 * The classic driver's conversation (chain A): what the kernel line tells the ramdisk, what the ramdisk POSTs to the
 * deploy helper, and the CHAP account of the iSCSI target, which both sides derive so that it never crosses the network.
 */
import { createHmac } from 'node:crypto';

export const classicParameters = {
  iqn: 'iscsi_target_iqn',
  deploymentId: 'deployment_id',
  deploymentKey: 'deployment_key',
  /** Comma list of disks, first existing one wins; the classic default plus NVMe. */
  disk: 'disk',
  troubleshoot: 'troubleshoot',
} as const;

export const deployHelperPort = 10000;
/** The node listens here for `done`. */
export const donePort = 10000;
export const iscsiPort = 3260;
export const iscsiLun = 1;
export const classicDisks = 'cciss/c0d0,sda,hda,vda,nvme0n1';

/**
 * Form fields of the POST; `e` is the first error of the ramdisk. `u` and `s` are ours: system UUID and serial number
 * of SMBIOS, by which the wrong machine is known. Classic ramdisks do not send them, classic helpers ignore them.
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

/** 16 characters: the longest secret that every initiator takes. */
export function chapAccount(deploymentKey: string, iqn: string): { user: string; password: string } {
  const password = createHmac('sha256', deploymentKey).update(`iscsi-chap ${iqn}`).digest('base64url').slice(0, 16);
  return { user: 'ingot', password };
}
