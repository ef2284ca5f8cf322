/** The instance name of a node: its own field since 1.104, stored where Nova puts it, `instance_info.display_name`. */
import type { JsonObject } from '#domain/json.ts';
import type { Node } from '#store/tables/nodes.ts';

export function instanceNameOf({ instance_info }: Pick<Node, 'instance_info'>): string | null {
  const { display_name } = instance_info;
  return typeof display_name === 'string' ? display_name : null;
}

/** @param name null or empty = none */
export function withInstanceName(instance_info: JsonObject, name: string | null): JsonObject {
  const { display_name: _, ...others } = instance_info;
  return name ? { ...others, display_name: name } : others;
}
