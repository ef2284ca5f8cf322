/** An image that a user names by URL, such as in Ironic's `instance_info`. */
export type ImageToFetch = {
  readonly url: string;
  readonly use: 'disk' | 'kernel' | 'ramdisk';
  /** Hexadecimal, or the URL of a file with checksums; absent: that of the file as it is found. */
  readonly checksum?: string;
  readonly algorithm?: string;
  /** Declared by the user: the contents must be that. */
  readonly disk_format?: string;
};
