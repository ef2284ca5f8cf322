import type { Engine } from '#engine/contract.ts';
import type { Store } from '#store/store.ts';
import type { DriverCatalog } from './driver-catalog.ts';

/** What the rules of the bare metal service need. */
export type BaremetalContext = {
  readonly store: Store;
  readonly engine: Engine;
  readonly drivers: DriverCatalog;
};
