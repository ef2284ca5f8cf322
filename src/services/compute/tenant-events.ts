/**
 * A server's timeline as its project may read it: an allow-list of event kinds and their fields. Other records name
 * nodes, BMCs and addresses of the provisioning network, and are for the operator only.
 */
import { type FaultRecord, redactFault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Event, EventKind } from '#store/tables/events.ts';

type Words = (event: Event, fault: FaultRecord | undefined) => string;
type Row = { readonly subjects?: readonly string[]; readonly message: Words };

const shownTable: Readonly<Partial<Record<EventKind, Row>>> = {
  operation: { message: (event, fault) => `${event.subject}: ${outcome(event, fault)}` },
  step: { message: (event, fault) => `${event.data['title'] ?? event.subject}: ${outcome(event, fault)}` },
  power: { message: ({ subject }) => `is now ${subject}` },
  agent: { subjects: ['progress'], message: () => 'The image is being written' },
  note: { subjects: ['image', 'disk', 'ephemeral', 'system'], message: ({ message }) => message },
};

const shownData = ['status', 'title', 'phase', 'rolling_back', 'done_bytes', 'total_bytes', 'before'] as const;

function outcome({ data }: Event, fault: FaultRecord | undefined): string {
  return fault ? redactFault(fault).message : String(data['status'] ?? '');
}

export function isForTenants({ kind, subject }: Event): boolean {
  const row = Object.hasOwn(shownTable, kind) ? shownTable[kind] : undefined;
  return row !== undefined && (row.subjects?.includes(subject) ?? true);
}

/** @param fault of the operation, for a failed event */
export function tenantEvent(event: Event, fault: FaultRecord | undefined): Event {
  const data = Object.fromEntries(shownData.filter((name) => name in event.data).map((name) => [name, event.data[name]]));
  const message = shownTable[event.kind]?.message(event, fault) ?? '';
  return { ...event, node_uuid: null, message, data: data as JsonObject };
}
