/** What a project has in the network service. */
import type { Store } from '#store/store.ts';

/** By noun: a project that has any of it cannot be deleted. */
export async function networkResourcesOf(store: Store, project_id: string): Promise<Readonly<Record<string, number>>> {
  return {
    networks: await store.networks.count({ project_id }),
    subnets: await store.subnets.count({ project_id }),
    ports: await store.ports.count({ project_id }),
    trunks: await store.trunks.count({ project_id }),
    routers: await store.routers.count({ project_id }),
    'floating IPs': await store.floating_ips.count({ project_id }),
    'address groups': await store.address_groups.count({ project_id }),
    'address scopes': await store.address_scopes.count({ project_id }),
    'subnet pools': await store.subnet_pools.count({ project_id }),
    'QoS policies': await store.qos_policies.count({ project_id }),
    'security groups': await store.security_groups.count({ project_id, default_of: null }),
  };
}

/** What a project has without having made it. */
export async function removeDefaultsOf(store: Store, project_id: string): Promise<void> {
  await store.security_groups.remove({ default_of: project_id });
  await store.network_quotas.remove({ project_id });
  await store.rbac_policies.remove({ target_project: project_id });
}
