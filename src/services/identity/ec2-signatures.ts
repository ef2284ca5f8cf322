/** Signatures of requests to EC2 and S3 (AWS signature versions 2 and 4; of S3 also version 1), as clients send them on. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Fault } from '#domain/faults.ts';

export type SignedRequest = {
  readonly access: string;
  readonly signature?: string;
  readonly host?: string;
  readonly verb?: string;
  readonly path?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body_hash?: string;
  /** Of S3: what was signed, in base64. */
  readonly token?: string;
};

const hmac = (algorithm: 'sha1' | 'sha256', key: string | Buffer, text: string) => createHmac(algorithm, key).update(text);

/** Texts of any length, without telling how much of them is equal. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => hmac('sha256', 'compare', text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

function refuse(detail: string): Fault {
  return new Fault('authenticationFailed', { detail });
}

/** @throws Fault `authenticationFailed` */
export function checkEc2Signature(request: SignedRequest, secret: string): void {
  const { signature, host = '' } = request;
  if (!signature) throw refuse('EC2 signature not supplied.');
  // Some clients sign without the port that their request has.
  const hosts = [host, host.replace(/:\d+$/, '')];
  if (!hosts.some((name) => isSame(signature, ec2Signature({ ...request, host: name }, secret))))
    throw refuse('Invalid EC2 signature.');
}

function ec2Signature(request: SignedRequest, secret: string): string {
  const { params = {} } = request;
  if (isVersion4(request)) return signVersion4(request, secret);
  if (params['SignatureVersion'] === '2') return signVersion2(request, secret);
  throw refuse('Invalid EC2 signature.');
}

function isVersion4({ headers = {}, params = {} }: SignedRequest): boolean {
  return (headers['Authorization'] ?? '').startsWith(algorithm4) || params['X-Amz-Algorithm'] === algorithm4;
}

const algorithm4 = 'AWS4-HMAC-SHA256';

/** As AWS escapes: everything but letters, digits and `-_.~`. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

function queryOf(params: Readonly<Record<string, string>>): string {
  return Object.entries(params)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .join('&');
}

function signVersion2({ verb = '', host = '', path = '', params = {} }: SignedRequest, secret: string): string {
  const query = queryOf({ ...params, SignatureMethod: 'HmacSHA256' });
  return hmac('sha256', secret, [verb, host, path, query].join('\n')).digest('base64');
}

function signVersion4(request: SignedRequest, secret: string): string {
  const { verb = '', path = '', params = {}, headers = {}, body_hash = '' } = request;
  const own = partsOf(headers['Authorization'] ?? '');
  const time = headers['X-Amz-Date'] ?? params['X-Amz-Date'] ?? '';
  const [, date = '', region = '', service = '', end = ''] = (own['Credential'] ?? params['X-Amz-Credential'] ?? '').split('/');
  if (time.slice(0, 8) !== date || end !== 'aws4_request') throw refuse('Invalid EC2 signature.');
  const names = own['SignedHeaders'] ?? params['X-Amz-SignedHeaders'] ?? '';
  const { 'X-Amz-Signature': _signature, ...signed } = params;
  const canonical = [
    ...[verb.toUpperCase(), path || '/', queryOf(signed)],
    ...[headerLines(names, { host: request.host ?? '', ...headers }), names, body_hash],
  ].join('\n');
  const scope = [date, region, service, end].join('/');
  const text = [algorithm4, time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  return hmac('sha256', keyOf(secret, [date, region, service]), text).digest('hex');
}

/** `Credential=…, SignedHeaders=…, Signature=…` after the name of the algorithm. */
function partsOf(authorization: string): Readonly<Record<string, string>> {
  const pairs = authorization
    .slice(algorithm4.length)
    .split(',')
    .map((part) => part.trim().split('='));
  return Object.fromEntries(pairs.map(([name = '', ...value]) => [name, value.join('=')]));
}

function headerLines(names: string, headers: Readonly<Record<string, string>>): string {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()]));
  const known = names
    .toLowerCase()
    .split(';')
    .filter((name) => byName.has(name));
  const lines = known.map((name) => `${name}:${byName.get(name)}`);
  return `${lines.join('\n')}\n`;
}

function keyOf(secret: string, scope: readonly string[]): Buffer {
  return [...scope, 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac('sha256', key, part).digest(),
    Buffer.from(`AWS4${secret}`),
  );
}

const s3Services = ['s3', 'iam', 'sts'];

/** @throws Fault `authenticationFailed` */
export function checkS3Signature({ token = '', signature = '' }: SignedRequest, secret: string): void {
  const text = Buffer.from(token, 'base64url').toString('latin1');
  const expected = text.startsWith('AWS4') ? s3Version4(text, secret) : s3Version1(text, secret);
  if (!isSame(signature, expected)) throw refuse('Credential signature mismatch');
}

function s3Version1(text: string, secret: string): string {
  return createHmac('sha1', secret).update(Buffer.from(text, 'latin1')).digest('base64');
}

function s3Version4(text: string, secret: string): string {
  const [algorithm, , scope = '', digest, ...more] = text.split('\n');
  const [date = '', region = '', service = '', end, ...rest] = scope.split('/');
  const isSound = algorithm === algorithm4 && digest !== undefined && more.length === 0 && end === 'aws4_request';
  if (!isSound || rest.length > 0 || !s3Services.includes(service)) throw refuse('Invalid EC2 signature.');
  const key = keyOf(secret, [date, region, service]);
  return createHmac('sha256', key).update(Buffer.from(text, 'latin1')).digest('hex');
}

/** Keystone's `[credential] auth_ttl`. */
const longestMs = 15 * 60_000;

/** A request that does not say when it was signed is never too old, as in Keystone. @throws Fault `authenticationFailed` */
export function checkSignedTime({ params = {}, headers = {} }: SignedRequest): void {
  const time = params['Timestamp'] ?? headers['X-Amz-Date'] ?? params['X-Amz-Date'];
  if (!time) return;
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(at)) throw refuse('Credential timestamp is invalid');
  if (Date.now() > at + longestMs) throw refuse('Credential is expired');
}
