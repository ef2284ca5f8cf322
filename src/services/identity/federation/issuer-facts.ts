/** What an issuer says about itself (OpenID Connect Discovery 1.0) and its keys, kept for some time. */
import type { JSONWebKeySet } from 'jose';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { SingleFlight } from '#async/single-flight.ts';
import { IssuerError, type IssuerHttp } from './issuer-http.ts';

const Url = Type.String({ maxLength: 2048 });
const Metadata = Type.Object({
  issuer: Url,
  jwks_uri: Url,
  userinfo_endpoint: Type.Optional(Url),
  introspection_endpoint: Type.Optional(Url),
  authorization_endpoint: Type.Optional(Url),
  token_endpoint: Type.Optional(Url),
});
const metadataCheck = Compile(Metadata);
const keysMost = 100;
const keysCheck = Compile(Type.Object({ keys: Type.Array(Type.Object({ kty: Type.String() }), { maxItems: keysMost }) }));

export type Metadata = Static<typeof Metadata>;

/** Also how long a key that the issuer has withdrawn may still do. */
const keptMs = 600_000;
/** Keys that are not known make the issuer's be read again, but no more often than this. */
const rereadMs = 30_000;

type Read<T> = { readonly value: T; readonly at: number };

export class IssuerFacts {
  readonly #issuer: string;
  readonly #http: IssuerHttp;
  readonly #now: () => number;
  readonly #reading = new SingleFlight();
  #metadata: Read<Metadata> | undefined;
  #keys: Read<JSONWebKeySet> | undefined;

  /** @param now monotonic milliseconds */
  constructor(issuer: string, http: IssuerHttp, now: () => number = () => performance.now()) {
    this.#issuer = issuer;
    this.#http = http;
    this.#now = now;
  }

  /** @throws IssuerError */
  async metadata(): Promise<Metadata> {
    if (this.#metadata && this.#now() - this.#metadata.at < keptMs) return this.#metadata.value;
    return this.#reading.run('metadata', async () => {
      const value = await this.#readMetadata();
      this.#metadata = { value, at: this.#now() };
      return value;
    });
  }

  /** @throws IssuerError */
  async keys(): Promise<JSONWebKeySet> {
    if (this.#keys && this.#now() - this.#keys.at < keptMs) return this.#keys.value;
    return this.#readKeys();
  }

  /** After a key was not found; undefined if they were read only just now. @throws IssuerError */
  async newerKeys(): Promise<JSONWebKeySet | undefined> {
    return this.#keys && this.#now() - this.#keys.at < rereadMs ? undefined : this.#readKeys();
  }

  /** An address that the issuer named: no less protected than the issuer itself. @throws IssuerError */
  urlOf(text: string): URL {
    const url = URL.parse(text);
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && this.#issuer.startsWith('http:'));
    if (!url || !isSafe) throw new IssuerError('it names an address that is no URL of https');
    return url;
  }

  async #readMetadata(): Promise<Metadata> {
    const url = this.urlOf(`${this.#issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`);
    const { status, body } = await this.#http.send({ url });
    if (status !== 200 || !metadataCheck.Check(body))
      throw new IssuerError(`its configuration cannot be read (status ${status} of /.well-known/openid-configuration)`);
    // Discovery, section 4.3: or anyone could speak for this issuer.
    if (body.issuer !== this.#issuer)
      throw new IssuerError(`its configuration is that of another issuer, ${JSON.stringify(body.issuer)}`);
    return body;
  }

  #readKeys(): Promise<JSONWebKeySet> {
    return this.#reading.run('keys', async () => {
      const { jwks_uri } = await this.metadata();
      const { status, body } = await this.#http.send({ url: this.urlOf(jwks_uri) });
      if (status !== 200 || !keysCheck.Check(body)) throw new IssuerError(`its keys cannot be read (status ${status})`);
      this.#keys = { value: body as JSONWebKeySet, at: this.#now() };
      return this.#keys.value;
    });
  }
}
