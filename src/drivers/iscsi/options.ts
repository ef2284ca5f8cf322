import type { Confinement } from '#tools/confined.ts';

export type IscsiOptions = {
  /** Seconds: from power on to the POST of the ramdisk. */
  agentTimeout: number;
  /** Seconds: for converting or writing an image. */
  imageTimeout: number;
  /** Seconds in which a write must move on. */
  silenceTimeout: number;
  /** Where the ramdisk listens for `done`; another than the classic one only in tests. */
  donePort: number;
  /** Of the programs that read images and write disks; default: bubblewrap. */
  confinement?: Confinement;
  /** Bytes that stay free on the disk of the state folder; default: none. */
  diskReserve?: number;
};
