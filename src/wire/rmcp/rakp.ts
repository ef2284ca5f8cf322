/** Payloads that open a session: Open Session and RAKP 1 to 4, IPMI 2.0 rev 1.1 sections 13.17 to 13.23. */
import { bytes, decode, encode, type Field, padded, rest, struct, u8, u32, type ValueOf } from '../bytes/fields.ts';
import { Malformed } from '../bytes/malformed.ts';
import type { CipherSuite } from './cipher-suites.ts';

/** Table 13-15. */
export const rakpStatusTable: Readonly<Record<number, string>> = {
  0: 'no errors',
  1: 'insufficient resources to create a session',
  2: 'invalid session ID',
  3: 'invalid payload type',
  4: 'invalid authentication algorithm',
  5: 'invalid integrity algorithm',
  6: 'no matching authentication payload',
  7: 'no matching integrity payload',
  8: 'inactive session ID',
  9: 'invalid role',
  10: 'unauthorized role or privilege level requested',
  11: 'insufficient resources to create a session at the requested role',
  12: 'invalid name length',
  13: 'unauthorized name',
  14: 'unauthorized GUID',
  15: 'invalid integrity check value',
  16: 'invalid confidentiality algorithm',
  17: 'no cipher suite match with proposed security algorithms',
  18: 'illegal or unrecognized parameter',
};

export const rakpStatus = {
  ok: 0,
  noResources: 1,
  invalidSession: 2,
  unauthorizedRole: 10,
  unauthorizedName: 13,
  invalidIntegrityCheck: 15,
  noCipherSuiteMatch: 17,
} as const;

/** Statuses that reject a cipher suite rather than a user. */
export const cipherSuiteStatuses: readonly number[] = [4, 5, 16, 17];
/** Statuses of a BMC that has no free session. */
export const fullStatuses: readonly number[] = [1, 11];
/** Statuses that only another user name or password can fix. */
export const credentialStatuses: readonly number[] = [12, 13, 15];
/** Statuses that only another privilege level can fix. */
export const privilegeStatuses: readonly number[] = [9, 10];

/** Role byte of RAKP 1: look up the user by name only, not by name and privilege, section 13.20. */
export const nameOnlyLookup = 0x10;

const algorithmKinds = ['authentication', 'integrity', 'confidentiality'] as const;
type Algorithms = Pick<CipherSuite, (typeof algorithmKinds)[number]>;

/** One payload of eight bytes per kind: type, 2 reserved, length 8, algorithm, 3 reserved. Table 13-9. */
const algorithms: Field<Algorithms> = {
  read(reader) {
    const [authentication, integrity, confidentiality] = algorithmKinds.map((kind, type) => {
      reader.expect(type, `type of the ${kind} payload`);
      reader.bytes(2);
      // A length of 0 lets the BMC choose; we neither send nor accept that.
      reader.expect(8, `length of the ${kind} payload`);
      const algorithm = reader.u8() & 0x3f;
      reader.bytes(3);
      return algorithm;
    });
    return { authentication, integrity, confidentiality } as Algorithms;
  },
  write(writer, value) {
    for (const [type, kind] of algorithmKinds.entries()) writer.u8(type).zeros(2).u8(8).u8(value[kind]).zeros(3);
  },
};

const openSessionRequest = struct({ tag: u8, privilege: padded(u8, 2), consoleSession: u32, algorithms });
const openSessionResponse = struct({
  tag: u8,
  status: u8,
  privilege: padded(u8, 1),
  consoleSession: u32,
  bmcSession: u32,
  algorithms,
});
const rakp1Head = struct({ tag: padded(u8, 3), bmcSession: u32, random: bytes(16), role: padded(u8, 2) });
const rakp2 = struct({ tag: u8, status: padded(u8, 2), consoleSession: u32, random: bytes(16), guid: bytes(16), code: rest });
const rakp3 = struct({ tag: u8, status: padded(u8, 2), bmcSession: u32, code: rest });
const rakp4 = struct({ tag: u8, status: padded(u8, 2), consoleSession: u32, code: rest });
/** The short form of a response that reports a failure: tables 13-10, 13-12 and 13-14, note "only … returned". */
const failure = struct({ tag: u8, status: padded(u8, 2), session: u32 });

export type OpenSessionRequest = ValueOf<typeof openSessionRequest>;
export type OpenSessionResponse = ValueOf<typeof openSessionResponse>;
export type Rakp1 = ValueOf<typeof rakp1Head> & { user: Buffer };
export type Rakp2 = ValueOf<typeof rakp2>;
export type Rakp3 = ValueOf<typeof rakp3>;
export type Rakp4 = ValueOf<typeof rakp4>;
export type RakpFailure = ValueOf<typeof failure>;
/** A response is either complete or a failure report, in which some BMCs omit the session. */
export type Answer<T> = { ok: true; value: T } | { ok: false; failure: Omit<RakpFailure, 'session'> & { session?: number } };

const rakp1: Field<Rakp1> = {
  read(reader) {
    const head = rakp1Head.read(reader);
    const user = reader.bytes(reader.u8());
    // Some consoles always send all sixteen bytes of the name field, padded with zeros.
    reader.bytes(Math.min(reader.remaining, 16 - Math.min(16, user.length)));
    return { ...head, user };
  },
  write(writer, value) {
    rakp1Head.write(writer, value);
    writer.u8(value.user.length).bytes(value.user);
  },
};

export const encodeOpenSessionRequest = (value: OpenSessionRequest): Buffer => encode(openSessionRequest, value);
export const decodeOpenSessionRequest = (data: Uint8Array): OpenSessionRequest =>
  decode(openSessionRequest, data, 'Open Session');
export const encodeOpenSessionResponse = (value: OpenSessionResponse): Buffer => encode(openSessionResponse, value);
export const decodeOpenSessionResponse = (data: Uint8Array): Answer<OpenSessionResponse> =>
  decodeAnswer(openSessionResponse, data, 'Open Session Response');
export const encodeRakp1 = (value: Rakp1): Buffer => encode(rakp1, value);
export const decodeRakp1 = (data: Uint8Array): Rakp1 => decode(rakp1, data, 'RAKP 1');
export const encodeRakp2 = (value: Rakp2): Buffer => encode(rakp2, value);
export const decodeRakp2 = (data: Uint8Array): Answer<Rakp2> => decodeAnswer(rakp2, data, 'RAKP 2');
export const encodeRakp3 = (value: Rakp3): Buffer => encode(rakp3, value);
export const decodeRakp3 = (data: Uint8Array): Rakp3 => decode(rakp3, data, 'RAKP 3');
export const encodeRakp4 = (value: Rakp4): Buffer => encode(rakp4, value);
export const decodeRakp4 = (data: Uint8Array): Answer<Rakp4> => decodeAnswer(rakp4, data, 'RAKP 4');
export const encodeFailure = (value: RakpFailure): Buffer => encode(failure, value);

function decodeAnswer<T>(layout: Field<T>, data: Uint8Array, what: string): Answer<T> {
  if (data[1] === rakpStatus.ok) return { ok: true, value: decode(layout, data, what) };
  if (data.length < 2) throw new Malformed(`${what} of ${data.length} bytes`);
  if (data.length < 8) return { ok: false, failure: { tag: data[0] as number, status: data[1] as number } };
  // BMCs differ in how much of the rest they send with an error; ignore it.
  return { ok: false, failure: decode(failure, data.subarray(0, 8), what) };
}
