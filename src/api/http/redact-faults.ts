/** Redacts faults by caller: administrators see everything, tenants what `tenantMessages` allows. */
import { type Fault, type FaultRecord, redactFault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';

type Words = { readonly message: string; readonly hint?: string | undefined };

/** The fault itself or its redacted form. An unauthenticated caller is not an administrator. */
export function faultFor(caller: Caller | undefined, fault: Fault | FaultRecord): Words {
  return caller?.is_admin === true ? fault : redactFault(fault);
}
