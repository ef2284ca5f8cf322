export type IscsiOptions = {
  /** Seconds: from power on to the POST of the ramdisk. */
  agentTimeout: number;
  /** Seconds: for converting or writing an image. */
  imageTimeout: number;
  /** Seconds in which a write must move on. */
  silenceTimeout: number;
  /** Where the ramdisk listens for `done`; another than the classic one only in tests. */
  donePort: number;
};
