/** Which records belong to a caller. */
import type { Caller } from './caller.ts';

/** True if the record belongs to the caller's project, or the caller is an administrator. */
export function owns(caller: Caller, record: { project_id: string }): boolean {
  return caller.is_admin || record.project_id === caller.project_id;
}
