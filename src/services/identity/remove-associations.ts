/** With a project or with endpoints go their associations. */
import type { Store } from '#store/store.ts';

export async function removeAssociationsOf(store: Store, of: { project_id: string } | { endpoint_id: string[] }): Promise<void> {
  await store.project_endpoints.remove(of);
  if ('project_id' in of) await store.project_endpoint_groups.remove(of);
}
