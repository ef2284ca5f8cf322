import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

/** A deploy step that a template adds, or whose priority and arguments it changes. Priority 0 disables it. */
export type DeployTemplateStep = { interface: string; step: string; args: JsonObject; priority: number };

/** Deploy steps for instances that require the trait of the template's name. */
export type DeployTemplate = {
  uuid: string;
  /** A trait. */
  name: string;
  /** Each pair of interface and step at most once. */
  steps: DeployTemplateStep[];
  extra: JsonObject;
  created_at: string;
  updated_at: string | null;
};

/** The arguments of steps may be secrets, such as a BIOS password. */
export class DeployTemplates extends Collection<DeployTemplate> {
  static override readonly table = { name: 'deploy_templates', key: 'uuid', json: ['steps', 'extra'], sealed: ['steps'] };
}
