/** A Redfish service as the drivers see it: resources by path, with sessions, ETags and task monitors behind it. DSP0266. */

import type { Trust } from '../http/connections.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Resource = { readonly [key: string]: Json };

export type RedfishPeer = {
  /** `https://bmc.example`, with port if it is not the usual one; no path, no slash at the end. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** `auto`: a session, and basic authentication where the service has no sessions. */
  readonly auth: 'auto' | 'session' | 'basic';
  readonly trust: Trust;
  /** `old`: TLS 1.0 and weak keys are good enough, for BMCs that know no better. Absent = TLS 1.2 or later. */
  readonly tls?: 'old';
};

export type RedfishReply = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** `{}` where the reply had no body. */
  readonly body: Resource;
  readonly etag: string | undefined;
  /** Of the body as it came. */
  readonly bytes?: number;
};

export type Part = { readonly name: string; readonly file?: string } & (
  | { readonly json: Resource }
  | { readonly path: string; readonly size: number }
);

export type RedfishRequest = {
  readonly signal?: AbortSignal;
  /** Told what is missing in a reply that is good for the rest. */
  readonly notice?: (message: string) => void;
  /** Sent as If-Match. A PATCH without one gets the resource's own, read anew when the service says 412. */
  readonly etag?: string;
  /** Milliseconds for this exchange; the default suits all but uploads. */
  readonly timeout?: number;
  /** `accept`: a 202 is returned as it came, for tasks that end only at the machine's next boot (BIOS settings). Default `follow`. */
  readonly task?: 'follow' | 'accept';
  /** Milliseconds that a followed task may take, e.g. a firmware update; the default suits a power change. */
  readonly taskTimeout?: number;
};

/**
 * Paths are absolute on the service (`/redfish/v1/Systems/1`). Requests to one service run one after the other.
 * Replies outside of 2xx throw RedfishError; a 202 is followed through its task monitor to its end.
 */
export type RedfishClient = {
  get(path: string, request?: RedfishRequest): Promise<RedfishReply>;
  patch(path: string, body: Resource, request?: RedfishRequest): Promise<RedfishReply>;
  post(path: string, body: Resource, request?: RedfishRequest): Promise<RedfishReply>;
  delete(path: string, request?: RedfishRequest): Promise<RedfishReply>;
  /** Multipart form for push updates, streamed from disk: DSP0266 "multipart HTTP push update". */
  upload(path: string, parts: readonly Part[], request?: RedfishRequest): Promise<RedfishReply>;
  /** The file as the whole body (`application/octet-stream`): DSP0266 "HTTP push update", of services without the multipart one. */
  push(path: string, file: { readonly path: string; readonly size: number }, request?: RedfishRequest): Promise<RedfishReply>;
  /** All members of a collection, over all pages (`Members@odata.nextLink`), each as its own resource. */
  members(path: string, request?: RedfishRequest): Promise<Resource[]>;
  /** Ends the session politely and closes the connections. */
  close(): Promise<void>;
};

/**
 * Why a service could not be made to do something:
 * - `silent`: no connection, or no reply in time;
 * - `untrusted`: the certificate is another than expected;
 * - `refused`: 401, 403, or no session for this user;
 * - `answered`: another status than 2xx, or a task that failed; `messages` holds the service's own words;
 * - `unfit`: a reply that is no Redfish;
 * - `closed`: this end was closed meanwhile.
 */
export type RedfishFailure = 'silent' | 'untrusted' | 'refused' | 'answered' | 'unfit' | 'closed';

/** Never holds a user name, password, token or cookie. */
export class RedfishError extends Error {
  override name = 'RedfishError';
  readonly failure: RedfishFailure;
  /** `GET /redfish/v1/Systems/1`. */
  readonly request: string;
  readonly status: number | undefined;
  /** Of `refused`: the user is known, and may not do this. */
  readonly lacksPrivilege: boolean;
  /** Texts of `@Message.ExtendedInfo`, resolutions included, in the service's order. */
  readonly messages: readonly string[];
  /** `MessageId` of each. */
  readonly messageIds: readonly string[];

  constructor(
    failure: RedfishFailure,
    context: {
      request: string;
      detail: string;
      status?: number;
      lacksPrivilege?: boolean;
      messages?: readonly string[];
      messageIds?: readonly string[];
    },
  ) {
    super(`${context.request}: ${context.detail}`);
    this.failure = failure;
    this.request = context.request;
    this.status = context.status;
    this.lacksPrivilege = failure === 'refused' && (context.lacksPrivilege ?? context.status === 403);
    this.messages = context.messages ?? [];
    this.messageIds = context.messageIds ?? [];
  }
}
