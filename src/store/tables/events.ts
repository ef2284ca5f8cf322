/** The event record of all machines. */
import type { JsonObject } from '#domain/json.ts';

export type EventKind =
  | 'operation' // an operation began or ended
  | 'step' // a step began, waits, ended or failed
  | 'bmc' // one command to the BMC with duration and result
  | 'power' // a power state changed
  | 'dhcp'
  | 'tftp'
  | 'http'
  | 'agent' // a message of the ramdisk: hello, progress, result, log
  | 'state' // a provision state changed
  | 'note';

/** One event in the life of a machine; timelines are built from this ordered record. */
export type Event = {
  id: number;
  at: string;
  kind: EventKind;
  node_uuid: string | null;
  server_id: string | null;
  operation_id: string | null;
  /** The step name, BMC command, file path… that the event is about. */
  subject: string;
  message: string;
  duration_ms: number | null;
  data: JsonObject;
};

export type NewEvent = Pick<Event, 'kind' | 'subject' | 'message'> &
  Partial<Pick<Event, 'node_uuid' | 'server_id' | 'operation_id' | 'duration_ms' | 'data'>>;
