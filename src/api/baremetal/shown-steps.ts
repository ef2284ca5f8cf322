/** Steps of deploy templates and runbooks, without the secrets among their arguments. */
import type { JsonObject } from '#domain/json.ts';
import { withoutSecrets } from '#services/baremetal/secrets.ts';

export function shownSteps<S extends { args: JsonObject }>(steps: readonly S[], declared: ReadonlySet<string>): S[] {
  return steps.map((step) => ({ ...step, args: withoutSecrets(step.args, declared) }));
}
