/** Faults as this caller may read them: administrators all of it, everybody else what `tenantMessages` lets through. */
import { type Fault, type FaultRecord, redactFault } from '#domain/faults.ts';
import type { Caller } from './context.ts';

type Words = { readonly message: string; readonly hint?: string | undefined };

/** The fault itself, or what is left of it. Who has not proved to be an administrator is none. */
export function faultFor(caller: Caller | undefined, fault: Fault | FaultRecord): Words {
  return caller?.is_admin === true ? fault : redactFault(fault);
}
