/** What the rules of the network service use. */
import type { Settings } from '#settings.ts';
import type { Store } from '#store/store.ts';

export type NetworkContext = { readonly store: Store; readonly settings: Settings };
