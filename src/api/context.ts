/** What every service of the API is given, and what each of its requests carries. */
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
import type { ImageStore } from '#images/image-files.ts';
import type { Settings } from '#settings.ts';
import type { Store } from '#store/store.ts';
import type { DriverCatalog } from './baremetal/driver-catalog.ts';
import type { ConsoleTickets } from './consoles.ts';
import type { LoginGuard } from './identity/login-guard.ts';
import type { Microversion } from './microversions.ts';
import type { TokenPayload, Tokens } from './tokens.ts';

/** A Fastify scope whose route schemas give handlers their types. */
export type ApiScope = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What the image service needs of the image files. */
export type ImageData = Pick<ImageStore, 'upload' | 'read' | 'remove'>;

export type ApiContext = {
  readonly store: Store;
  readonly engine: Engine;
  readonly images: ImageData;
  readonly drivers: DriverCatalog;
  readonly settings: Settings;
  readonly log: FastifyBaseLogger;
  readonly tokens: Tokens;
  /** Whatever checks or hashes a secret. */
  readonly logins: LoginGuard;
  readonly consoles: ConsoleTickets;
  /** How many requests of each user wait for events. */
  readonly waits: Map<string, number>;
  /** How this client reaches us, no slash at the end: `api.public_url`, else as the request names us. */
  baseUrl(request: FastifyRequest): string;
};

/** Who asks. `project_id` is empty for a token without project; only the identity service lets such callers in. */
export type Caller = {
  user_id: string;
  user_name: string;
  project_id: string;
  project_name: string;
  is_admin: boolean;
  roles: readonly string[];
  /** Set where the token came from one: it must not make others. */
  application_credential_id?: string;
};

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route behind authentication. */
    caller: Caller;
    /** The caller's token, set together with it. */
    token: TokenPayload;
    /** What the client asked for; set under `/compute/v2.1` and `/baremetal/v1`. */
    microversion: Microversion;
  }
}
