/** Client interface for drivers: resources by path; it handles sessions, ETags and task monitors. DSP0266. */

import type { Trust } from '../http/connections.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Resource = { readonly [key: string]: Json };

export type RedfishPeer = {
  /** `https://bmc.example`, with the port unless it is the default; no path, no trailing slash. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** `auto`: a session, or basic authentication if the service has no sessions. */
  readonly auth: 'auto' | 'session' | 'basic';
  readonly trust: Trust;
  /** `old`: accepts TLS 1.0 and weak keys, for old BMCs. Absent = TLS 1.2 or later. */
  readonly tls?: 'old';
};

export type RedfishReply = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** `{}` if the response had no body. */
  readonly body: Resource;
  readonly etag: string | undefined;
  /** Size of the body on the wire. */
  readonly bytes?: number;
};

export type Part = { readonly name: string; readonly file?: string } & (
  | { readonly json: Resource }
  | { readonly path: string; readonly size: number }
);

export type RedfishRequest = {
  readonly signal?: AbortSignal;
  /** Receives warnings about a response that is incomplete but usable. */
  readonly notice?: (message: string) => void;
  /** Sent as If-Match. Without it, a PATCH sends the resource's own ETag, re-read when the service returns 412. */
  readonly etag?: string;
  /** Timeout in milliseconds; the default fits everything but uploads. */
  readonly timeout?: number;
  /** `accept`: returns a 202 as is, for tasks that end only at the next boot (BIOS settings). Default `follow`. */
  readonly task?: 'follow' | 'accept';
  /** Task timeout in milliseconds, e.g. for a firmware update; the default fits a power change. */
  readonly taskTimeout?: number;
};

/**
 * Paths are absolute on the service (`/redfish/v1/Systems/1`). Requests to one service run sequentially.
 * A status other than 2xx throws RedfishError; a 202 is followed by its task monitor until the task ends.
 */
export type RedfishClient = {
  get(path: string, request?: RedfishRequest): Promise<RedfishReply>;
  patch(path: string, body: Resource, request?: RedfishRequest): Promise<RedfishReply>;
  post(path: string, body: Resource, request?: RedfishRequest): Promise<RedfishReply>;
  /** `body`: with when it is to be done (`@Redfish.OperationApplyTime`). */
  delete(path: string, request?: RedfishRequest & { readonly body?: Resource }): Promise<RedfishReply>;
  /** Multipart form for push updates, streamed from disk: DSP0266 "multipart HTTP push update". */
  upload(path: string, parts: readonly Part[], request?: RedfishRequest): Promise<RedfishReply>;
  /** The file as the whole body (`application/octet-stream`): DSP0266 "HTTP push update", a fallback for multipart. */
  push(path: string, file: { readonly path: string; readonly size: number }, request?: RedfishRequest): Promise<RedfishReply>;
  /** All members of a collection, over all pages (`Members@odata.nextLink`), as separate resources. */
  members(path: string, request?: RedfishRequest): Promise<Resource[]>;
  /** Deletes the session and closes the connections. */
  close(): Promise<void>;
};

/**
 * Why a request failed:
 * - `silent`: no connection, or the response timed out;
 * - `untrusted`: unexpected certificate;
 * - `refused`: 401, 403, or no session for this user;
 * - `answered`: a status other than 2xx, or a failed task; `messages` holds the service's own text;
 * - `unfit`: the response is not Redfish;
 * - `unsupported`: no version of TLS, or no cipher, that both sides support;
 * - `disconnected`: the service closed the connection before the end of its response;
 * - `closed`: the request was cancelled, or this client was closed meanwhile.
 */
export type RedfishFailure =
  | 'silent'
  | 'untrusted'
  | 'refused'
  | 'answered'
  | 'unfit'
  | 'unsupported'
  | 'disconnected'
  | 'closed';

/** Failures of a service that responds, but not with Redfish: also of one that is starting or stopping. */
export const unusableReplies: readonly RedfishFailure[] = ['unfit', 'unsupported', 'disconnected'];

/** Never contains a user name, password, token or cookie. */
export class RedfishError extends Error {
  override name = 'RedfishError';
  readonly failure: RedfishFailure;
  /** `GET /redfish/v1/Systems/1`. */
  readonly request: string;
  readonly status: number | undefined;
  /** With `refused`: the credentials are valid but lack the privilege. */
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
