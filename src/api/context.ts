/** Dependencies of every API service, and the fields that each request carries. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Engine } from '#engine/contract.ts';
import type { DriverCatalog } from '#services/baremetal/driver-catalog.ts';
import type { Caller } from '#services/caller.ts';
import type { Directory } from '#services/identity/directory/directory.ts';
import type { BrowserLogins } from '#services/identity/federation/browser-logins.ts';
import type { Issuer } from '#services/identity/federation/issuer.ts';
import type { LoginGuard } from '#services/identity/login-guard.ts';
import type { Receipts } from '#services/identity/receipts.ts';
import type { TokenReader } from '#services/identity/token-reader.ts';
import type { TokenPayload, Tokens } from '#services/identity/tokens.ts';
import type { ImageData } from '#services/image/context.ts';
import type { ImageImports } from '#services/image/imports/image-imports.ts';
import type { PropertyProtections } from '#services/image/property-protections.ts';
import type { Store } from '#store/store.ts';
import type { NodeRenderer } from './baremetal/node-view.ts';
import type { ConsoleTickets } from './console-tickets.ts';
import type { Microversion } from './http/microversions.ts';
import type { Policies } from './http/policy/rules.ts';
import type { ApiPartSettings } from './settings.ts';

/** A Fastify scope whose route schemas type the handlers. */
export type ApiScope = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export type ApiContext = {
  readonly store: Store;
  readonly engine: Engine;
  readonly images: ImageData;
  readonly imports: ImageImports;
  /** Of image properties. */
  readonly protections: PropertyProtections;
  readonly drivers: DriverCatalog;
  readonly settings: ApiPartSettings;
  readonly log: FastifyBaseLogger;
  readonly tokens: Tokens;
  /** Reads the tokens of requests. */
  readonly callers: TokenReader;
  readonly receipts: Receipts;
  /** Logins by an identity provider that have begun in a browser. */
  readonly browserLogins: BrowserLogins;
  /** Checks and hashes all secrets. */
  readonly logins: LoginGuard;
  /** The LDAP directory that has the users of a domain. */
  readonly directory: Directory | undefined;
  /** The issuer of OpenID Connect whose access tokens are taken. */
  readonly issuer: Issuer | undefined;
  /** The rules of each service. */
  readonly policies: Policies;
  readonly consoles: ConsoleTickets;
  readonly nodeRenderer: NodeRenderer;
  /** Number of long-polling requests per user. */
  readonly waits: Map<string, number>;
  /** The URL by which this client reaches the API, without trailing slash: `api.public_url`, else from the request. */
  baseUrl(request: FastifyRequest): string;
};

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every authenticated route. */
    caller: Caller;
    /** The caller's token, set with `caller`. */
    token: TokenPayload;
    /** The negotiated microversion; set under `/compute/v2.1` and `/baremetal/v1`. */
    microversion: Microversion;
  }
}
