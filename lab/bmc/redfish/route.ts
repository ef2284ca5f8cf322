/** The form of a resource of the Redfish service: a row of the route table. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BmcModelUser } from '../bmc-model.ts';
import { type Json, RedfishRefusal, type Resource } from './messages.ts';
import type { ServiceState } from './service-state.ts';

export type Call = {
  readonly state: ServiceState;
  /** What stands in the path for each `{}`. */
  readonly ids: readonly string[];
  readonly query: URLSearchParams;
  /** Undefined on open routes alone. */
  readonly user: BmcModelUser | undefined;
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
};
export type WriteCall = Call & { readonly body: Resource };

/** `taken`: the handler writes the reply itself. */
export type Answer = { readonly status: number; readonly body?: Resource; readonly headers?: Record<string, string> } | 'taken';

/** Checks a value and returns what does it: nothing is done before all of a body has been checked. */
export type Writer = (value: Json, call: WriteCall) => () => void | Promise<void>;

export type Route = {
  /** What profiles call it, in `omit` and `extend`. */
  readonly kind: string;
  /** Below the host; `{}` = one part of any name. */
  readonly path: string;
  /** @throws RedfishRefusal where there is none of this id. */
  readonly get?: (call: Call) => Resource;
  readonly patch?: Readonly<Record<string, Writer>>;
  /** The body is JSON, unless `raw`: then the handler reads the request itself. */
  readonly post?: (call: WriteCall) => Answer | Promise<Answer>;
  readonly raw?: boolean;
  readonly delete?: (call: Call) => void;
  /** A reply to GET with a status and headers of its own: task monitors, the event stream, `$metadata`. */
  readonly answer?: (call: Call) => Answer;
  /** Methods for which nobody need log in. */
  readonly open?: readonly string[];
  /** Who may write: default operators. */
  readonly writer?: 'administrator' | 'operator' | 'user';
};

export function link(path: string): Resource {
  return { '@odata.id': path };
}

export function head(path: string, type: string, name: string): Resource {
  return {
    '@odata.id': path,
    '@odata.type': `#${type}`,
    Id: path.slice(path.lastIndexOf('/') + 1),
    Name: name,
  };
}

export function collection(path: string, type: string, members: readonly string[]): Resource {
  return {
    '@odata.id': path,
    '@odata.type': `#${type}Collection.${type}Collection`,
    Name: `${type} Collection`,
    'Members@odata.count': members.length,
    Members: members.map((member) => link(member)),
  };
}

export const healthy: Resource = { State: 'Enabled', Health: 'OK' };

export function missing(call: Call): RedfishRefusal {
  return new RedfishRefusal('ResourceMissingAtURI', [call.request.url ?? '']);
}

/** Schemas of values that come in a body. @throws RedfishRefusal */
export function expectChoice(name: string, value: Json | undefined, choices: readonly string[]): string {
  if (typeof value !== 'string') throw new RedfishRefusal('PropertyValueTypeError', [JSON.stringify(value ?? null), name]);
  if (!choices.includes(value)) throw new RedfishRefusal('PropertyValueNotInList', [value, name]);
  return value;
}

export function expectBoolean(name: string, value: Json | undefined): boolean {
  if (typeof value !== 'boolean') throw new RedfishRefusal('PropertyValueTypeError', [JSON.stringify(value ?? null), name]);
  return value;
}

export function expectText(name: string, value: Json | undefined, pattern = /^[^\0]{0,2048}$/): string {
  if (typeof value !== 'string') throw new RedfishRefusal('PropertyValueTypeError', [JSON.stringify(value ?? null), name]);
  if (!pattern.test(value)) throw new RedfishRefusal('PropertyValueFormatError', [value.slice(0, 100), name]);
  return value;
}

export function expectObject(name: string, value: Json | undefined): Resource {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RedfishRefusal('PropertyValueTypeError', [JSON.stringify(value ?? null), name]);
  return value;
}

/** Something that the BMC shall fetch, or tell of events. */
export function expectUri(name: string, value: Json | undefined): string {
  const uri = expectText(name, value, /^https?:\/\/[^\s\0]{1,2000}$/);
  if (!URL.canParse(uri)) throw new RedfishRefusal('PropertyValueFormatError', [uri.slice(0, 100), name]);
  return uri;
}
