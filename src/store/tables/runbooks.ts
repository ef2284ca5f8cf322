import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

/** The steps run in ascending `order`. */
export type RunbookStep = { interface: string; step: string; args: JsonObject; order: number };

/** Steps for cleaning or service, under a name. */
export type Runbook = {
  uuid: string;
  name: string;
  description: string | null;
  /** Each pair of interface and step at most once. */
  steps: RunbookStep[];
  /** A node must have one of them. Names of runbooks before 1.112 were traits. */
  traits: string[];
  disable_ramdisk: boolean;
  /** Shown to all projects. */
  public: boolean;
  /** The project that may use it. */
  owner: string | null;
  extra: JsonObject;
  created_at: string;
  updated_at: string | null;
};

/** The arguments of steps may be secrets, such as a BIOS password. */
export class Runbooks extends Collection<Runbook> {
  static override readonly table = {
    name: 'runbooks',
    key: 'uuid',
    json: ['steps', 'traits', 'extra'],
    boolean: ['public', 'disable_ramdisk'],
    sealed: ['steps'],
  };
}
