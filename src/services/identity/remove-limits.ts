/** With a service or with regions go the limits on what they offer. */
import type { Store } from '#store/store.ts';

export async function removeLimitsOf(store: Store, place: { service_id: string } | { region_id: string[] }): Promise<void> {
  await store.limits.remove(place);
  await store.registered_limits.remove(place);
}
