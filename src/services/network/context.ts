/** What the rules of the network service use. */
import type { ProvisioningSettings } from '#settings/site.ts';
import type { Store } from '#store/store.ts';

export type NetworkContext = { readonly store: Store; readonly settings: ProvisioningSettings };
