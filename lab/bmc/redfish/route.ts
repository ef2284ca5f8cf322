/** A resource of the Redfish service: a row of the route table. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BmcModelUser } from '../bmc-model.ts';
import { type Json, RedfishRefusal, type Resource } from './messages.ts';
import type { ServiceState } from './service-state.ts';

export type Call = {
  readonly state: ServiceState;
  /** The path segment for each `{}`. */
  readonly ids: readonly string[];
  readonly query: URLSearchParams;
  /** Undefined only on routes without authentication. */
  readonly user: BmcModelUser | undefined;
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
};
export type WriteCall = Call & { readonly body: Resource };

/** `taken`: the handler writes the response itself. */
export type Answer = { readonly status: number; readonly body?: Resource; readonly headers?: Record<string, string> } | 'taken';

/** Validates a value and returns its effect: nothing is applied before the whole body is validated. */
export type Writer = (value: Json, call: WriteCall) => () => void | Promise<void>;

export type Route = {
  /** Its name in profiles, in `omit` and `extend`. */
  readonly kind: string;
  /** Path; `{}` = one segment of any name. */
  readonly path: string;
  /** @throws RedfishRefusal for an unknown id. */
  readonly get?: (call: Call) => Resource;
  readonly patch?: Readonly<Record<string, Writer>>;
  /** The body is JSON, unless `raw`: then the handler reads the request itself. */
  readonly post?: (call: WriteCall) => Answer | Promise<Answer>;
  readonly raw?: boolean;
  readonly delete?: (call: Call) => void;
  /** A GET response with its own status and headers: task monitors, the event stream, `$metadata`. */
  readonly answer?: (call: Call) => Answer;
  /** Methods that need no authentication. */
  readonly open?: readonly string[];
  /** Roles that may write: default operators. */
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

/** Schemas of values in a body. @throws RedfishRefusal */
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

/** A URL from which the BMC downloads, or to which it sends events. */
export function expectUri(name: string, value: Json | undefined): string {
  const uri = expectText(name, value, /^https?:\/\/[^\s\0]{1,2000}$/);
  if (!URL.canParse(uri)) throw new RedfishRefusal('PropertyValueFormatError', [uri.slice(0, 100), name]);
  return uri;
}
