/** What the tests use of the package, which has no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  type Saved = { save(): Promise<string>; jti: string };
  type Grant = Saved & { addOIDCScope(scope: string): void; addResourceScope(resource: string, scope: string): void };
  export type TokenContext = { oidc: { params: Record<string, string>; client: object }; body?: object; status?: number };

  // biome-ignore lint/style/noDefaultExport: the package has one
  export default class Provider {
    constructor(issuer: string, configuration: object);
    readonly AccessToken: new (
      fields: object,
    ) => Saved;
    readonly Grant: new (
      fields: object,
    ) => Grant;
    callback(): RequestListener;
    interactionDetails(request: IncomingMessage, reply: ServerResponse): Promise<{ params: Record<string, unknown> }>;
    interactionFinished(request: IncomingMessage, reply: ServerResponse, result: object): Promise<void>;
    registerGrantType(name: string, handler: (context: TokenContext) => Promise<void>, parameters: readonly string[]): void;
    on(event: string, listener: (...args: unknown[]) => void): void;
  }
}
