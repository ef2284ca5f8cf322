/**
 * Persistent state of a machine and its BMC, as a file: the boot override, the media in the drives, and how the
 * firmware boots from the network. It survives a restart of the rack; only empty disks (`up` without `--keep-disks`)
 * reset it.
 */

import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { writeAtomicallySync } from '#files/write-atomically.ts';
import { BootOverride, type BootOverrideRequest, expiryMilliseconds } from './bmc/boot-override.ts';
import type { MediaDevice } from './bmc/chassis.ts';
import type { NetworkBoot } from './machine-states.ts';

export type Media = Partial<Record<MediaDevice, string>>;

type Kept = {
  readonly override?: BootOverrideRequest;
  /** Expiry in milliseconds since 1970, for a temporary request. */
  readonly until?: number;
  readonly media: Media;
  /** Source URIs of the media; absent = inserted without the BMC. */
  readonly mediaUris?: Media;
  readonly networkBoot?: NetworkBoot;
  /** The last start had only HTTP boot. */
  readonly hadHttpAlone?: boolean;
};

export class MachineMemory {
  readonly bootOverride: BootOverride;
  readonly #file: string;
  #kept: Kept;

  constructor(file: string) {
    this.#file = file;
    this.#kept = read(file);
    this.bootOverride = new KeptOverride(this.#kept, (change) => this.#write(change));
  }

  get media(): Media {
    return this.#kept.media;
  }

  get networkBoot(): NetworkBoot {
    return this.#kept.networkBoot ?? 'pxe';
  }

  get hadHttpAlone(): boolean {
    return this.#kept.hadHttpAlone ?? false;
  }

  startWith({ httpAlone }: { httpAlone: boolean }): void {
    if (httpAlone !== this.hadHttpAlone) this.#write({ hadHttpAlone: httpAlone });
  }

  setNetworkBoot(networkBoot: NetworkBoot): void {
    this.#write({ networkBoot });
  }

  /** Source URI of the inserted medium. */
  mediumUri(device: MediaDevice): string | null {
    const path = this.#kept.media[device];
    return path === undefined ? null : (this.#kept.mediaUris?.[device] ?? pathToFileURL(path).href);
  }

  setMedium(device: MediaDevice, path: string | null, uri?: string): void {
    const { [device]: _, ...others } = this.#kept.media;
    const { [device]: __, ...otherUris } = this.#kept.mediaUris ?? {};
    this.#write({
      media: path === null ? others : { ...others, [device]: path },
      mediaUris: path === null || uri === undefined ? otherUris : { ...otherUris, [device]: uri },
    });
  }

  #write(change: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...change };
    writeAtomicallySync(this.#file, JSON.stringify(this.#kept), { mode: 0o644 });
  }
}

/** The 60-second timer of a real BMC stops with it; here wall time continues. */
class KeptOverride extends BootOverride {
  readonly #onChange: (change: Partial<Kept>) => void;

  constructor({ override, until = Number.POSITIVE_INFINITY }: Kept, onChange: (change: Partial<Kept>) => void) {
    super();
    if (override && until > Date.now()) super.set(override, { expires: Number.isFinite(until) });
    this.#onChange = onChange;
  }

  override set(request: BootOverrideRequest, options: { expires?: boolean } = {}): void {
    super.set(request, options);
    const until = options.expires === false ? undefined : Date.now() + expiryMilliseconds;
    this.#onChange({ override: request, until });
  }

  override clear(): void {
    super.clear();
    this.#onChange({ override: undefined, until: undefined });
  }

  override takeForBoot(): BootOverrideRequest | undefined {
    const request = super.takeForBoot();
    if (request?.persistent) this.#onChange({ until: undefined });
    return request;
  }
}

function read(file: string): Kept {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return { media: {} };
    throw error;
  }
}
