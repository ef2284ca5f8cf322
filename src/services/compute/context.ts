/** What the rules of the compute service use. */
import type { Engine } from '#engine/contract.ts';
import type { Store } from '#store/store.ts';

export type ComputeContext = { readonly store: Store; readonly engine: Engine };
