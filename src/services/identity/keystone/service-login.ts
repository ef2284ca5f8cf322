/** The token with which Ingot asks an existing Keystone: of the service user, replaced before it expires. */
import { SingleFlight } from '#async/single-flight.ts';
import type { KeystoneSettings } from '../settings.ts';
import { KeystoneError, type KeystoneHttp } from './keystone-http.ts';
import { readTokenReply } from './token-reply.ts';

/** As keystoneauth: a token that ends so soon is not used any more. */
const staleMs = 30_000;

export class ServiceLogin {
  readonly #http: KeystoneHttp;
  readonly #body: object;
  readonly #logins = new SingleFlight();
  #token: { readonly text: string; readonly expires: number } | undefined;

  constructor(http: KeystoneHttp, settings: KeystoneSettings) {
    this.#http = http;
    this.#body = loginBody(settings);
  }

  /** @throws KeystoneError */
  token(): Promise<string> | string {
    if (this.#token && this.#token.expires - staleMs > Date.now()) return this.#token.text;
    return this.#logins.run('', () => this.#logIn());
  }

  /** It was refused. One that has taken its place stays. */
  forget(text: string): void {
    if (this.#token?.text === text) this.#token = undefined;
  }

  async #logIn(): Promise<string> {
    const { status, headers, body } = await this.#http.send({ method: 'POST', path: '/auth/tokens', body: this.#body });
    if (status !== 201) throw new KeystoneError(`it refused the login of Ingot's user with status ${status}`);
    const text = headers['x-subject-token'];
    if (typeof text !== 'string') throw new KeystoneError('its reply to a login has no token');
    this.#token = { text, expires: Date.parse(readTokenReply(body).payload.expires_at) };
    return text;
  }
}

function loginBody(settings: KeystoneSettings): object {
  const user = {
    name: settings['keystone.username'],
    domain: { name: settings['keystone.user_domain_name'] },
    password: settings['keystone.password'],
  };
  const project = {
    name: settings['keystone.project_name'],
    domain: { name: settings['keystone.project_domain_name'] },
  };
  return { auth: { identity: { methods: ['password'], password: { user } }, scope: { project } } };
}
