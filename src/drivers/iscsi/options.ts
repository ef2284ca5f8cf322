import type { Confinement } from '#tools/confined.ts';

export type IscsiOptions = {
  /** Timeout in seconds from power on to the POST of the ramdisk. */
  agentTimeout: number;
  /** Timeout in seconds for converting or writing an image. */
  imageTimeout: number;
  /** Maximum time in seconds without progress of a write. */
  silenceTimeout: number;
  /** Port on which the ramdisk listens for `done`; differs from the classic one only in tests. */
  donePort: number;
  /** Confinement of the programs that read images and write disks; default: bubblewrap. */
  confinement?: Confinement;
  /** Bytes to keep free on the disk of the state folder; default: none. */
  diskReserve?: number;
};
