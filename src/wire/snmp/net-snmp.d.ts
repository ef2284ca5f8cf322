/** The part of the package net-snmp that is used here; it ships without types. */
declare module 'net-snmp' {
  import type { EventEmitter } from 'node:events';

  export type Varbind = { oid: string; type?: number; value?: unknown };
  export type Answered = (error: Error | null, varbinds?: Varbind[]) => void;

  export type SessionOptions = {
    version?: number;
    port?: number;
    timeout?: number;
    retries?: number;
    backoff?: number;
    context?: string;
    reportOidMismatchErrors?: boolean;
    dgramModule?: { createSocket(type: string): unknown };
  };

  export type User = {
    name: string;
    level: number;
    authProtocol?: number;
    authKey?: string;
    privProtocol?: number;
    privKey?: string;
  };

  export class Session extends EventEmitter {
    /** Read when a request is sent. */
    retries: number;
    get(oids: string[], answered: Answered): this;
    set(varbinds: Varbind[], answered: Answered): this;
    cancelRequests(error: Error): void;
    close(): this;
  }

  export class RequestFailedError extends Error {
    status: number;
  }
  export class RequestTimedOutError extends Error {}
  export class ResponseInvalidError extends Error {
    code: number;
  }

  type Engine = { engineID: Buffer };
  export type PrivAlgorithm = {
    encryptPdu(
      pdu: Buffer,
      privProtocol: number,
      password: string,
      authProtocol: number,
      engine: Engine,
    ): { encryptedPdu: Buffer; msgPrivacyParameters: Buffer };
    decryptPdu(
      encrypted: Buffer,
      privProtocol: number,
      salt: Buffer,
      password: string,
      authProtocol: number,
      engine: Engine,
    ): Buffer;
  };

  type Numbers = Readonly<Record<string, number>>;
  const snmp: {
    createSession(target: string, community: string, options: SessionOptions): Session;
    createV3Session(target: string, user: User, options: SessionOptions): Session;
    RequestFailedError: typeof RequestFailedError;
    RequestTimedOutError: typeof RequestTimedOutError;
    ResponseInvalidError: typeof ResponseInvalidError;
    Version1: number;
    Version2c: number;
    SecurityLevel: Numbers;
    AuthProtocols: Numbers;
    PrivProtocols: Numbers;
    ObjectType: Numbers;
    ErrorStatus: Readonly<Record<string, number | string>>;
    ResponseInvalidCode: Numbers;
    Authentication: { passwordToKey(authProtocol: number, password: string, engineID: Buffer): Buffer };
    Encryption: { algorithms: Record<number, PrivAlgorithm> };
  };
  // biome-ignore lint/style/noDefaultExport: what Node makes of a CommonJS package
  export default snmp;
}
