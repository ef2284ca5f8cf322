import { Collection } from '../collection.ts';
import type { Image } from './images.ts';

/**
 * An image that was downloaded from a URL in `instance_info`: kept while deployments use it, and for some time after that. It is
 * no image of the image service, which does not see this table.
 */
export type FetchedImage = {
  /** Also the name of its folder in the image store. */
  id: string;
  /** Digest of the URL and of what it is used for: a URL may hold a password. */
  source_key: string;
  /** The URL without secrets, for messages. */
  name: string;
  /** `incomplete`: being downloaded, or being removed. */
  status: 'incomplete' | 'active';
  /** Of a source without a checksum: by what it is known whether it has changed. */
  version: string | null;
  disk_format: string | null;
  size: number | null;
  virtual_size: number | null;
  /** Digests of the downloaded bytes, hexadecimal; sha256 if it was asked for. */
  md5: string | null;
  sha256: string | null;
  sha512: string | null;
  created_at: string;
  used_at: string;
};

export class FetchedImages extends Collection<FetchedImage> {
  static override readonly table = { name: 'fetched_images' };
}

/** As the rest of Ingot uses images. */
export function asImage(row: FetchedImage): Image {
  return {
    ...{ id: row.id, name: row.name, status: row.status === 'active' ? 'active' : 'saving', visibility: 'private', owner: '' },
    ...{ disk_format: row.disk_format, container_format: 'bare', min_disk: 0, min_ram: 0, size: row.size },
    ...{ virtual_size: row.virtual_size, checksum: row.md5, os_hash_algo: 'sha512', os_hash_value: row.sha512 },
    ...{ protected: false, tags: [], properties: {}, created_at: row.created_at, updated_at: row.created_at },
  };
}
