/** Images, as in Glance. */
import type { ImageVisibility } from '#domain/image-visibility.ts';

export type Image = {
  id: string;
  name: string | null;
  status: 'queued' | 'saving' | 'active' | 'killed' | 'deleted';
  visibility: ImageVisibility;
  owner: string;
  disk_format: string | null;
  container_format: string | null;
  min_disk: number;
  min_ram: number;
  size: number | null;
  virtual_size: number | null;
  /** MD5 of the uploaded bytes (hex), as in Glance. */
  checksum: string | null;
  os_hash_algo: string | null;
  os_hash_value: string | null;
  protected: boolean;
  tags: string[];
  /** Free properties: `kernel_id`, `ramdisk_id`, `os_type`… */
  properties: Record<string, string>;
  /** The data was uploaded by an administrator; absent: no. */
  uploaded_by_admin?: boolean;
  created_at: string;
  updated_at: string;
};
