/** Logins with a name and a secret in each request, as clients without Keystone send them: one token serves many requests. */
import { createHmac, randomBytes } from 'node:crypto';
import { SingleFlight } from '#async/single-flight.ts';
import { authenticateInWidestScope } from './authenticate.ts';
import type { IdentityContext } from './context.ts';
import type { LoginClient } from './login-guard.ts';
import type { Identity } from './proofs.ts';
import { readToken } from './validate-token.ts';

export type NamedSecret = { readonly name: string; readonly secret: string };

/** The oldest are forgotten first, which costs another check of the secret. */
const keptMax = 1000;

export class BasicLogins {
  readonly #context: IdentityContext;
  /** Digests of names and secrets that were right, and the token issued for each: what revokes tokens revokes these. */
  readonly #tokens = new Map<string, string>();
  readonly #checks = new SingleFlight();
  readonly #key = randomBytes(32);

  constructor(context: IdentityContext) {
    this.#context = context;
  }

  /**
   * The caller in the system if the user has a role there, else in the user's default project; the name may also be the id of
   * an application credential. Not every request is a login: those with the same secret share a token.
   * @throws Fault `unauthorized`, `tooManyRequests`
   */
  async read(client: LoginClient, given: NamedSecret) {
    const digest = createHmac('sha256', this.#key).update(JSON.stringify(given)).digest('base64');
    const kept = this.#tokens.get(digest);
    const found = kept === undefined ? undefined : await readToken(this.#context, kept);
    if (found) return found;
    // One check for all requests that wait for it: it must outlast the client that came first.
    const shared = { ...client, isGone: () => false };
    const token = await this.#checks.run(`${client.address} ${digest}`, () => this.#logIn(shared, given));
    const read = await readToken(this.#context, token);
    this.#tokens.delete(digest);
    // A user without a role gets one with the next login, which no token must put off.
    if (read && read.payload.scope !== null) this.#tokens.set(digest, token);
    if (this.#tokens.size > keptMax) this.#tokens.delete(this.#tokens.keys().next().value as string);
    return read;
  }

  async #logIn(client: LoginClient, { name, secret }: NamedSecret): Promise<string> {
    const credential = await this.#context.store.application_credentials.find({ id: name });
    const identity: Identity = credential
      ? { methods: ['application_credential'], application_credential: { id: credential.id, secret } }
      : { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password: secret } } };
    const { token } = await authenticateInWidestScope(this.#context, client, identity);
    return token;
  }
}
