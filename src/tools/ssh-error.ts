/** Why a command did not run on a remote host. */
export type SshFailure =
  /** No connection, or it was lost. */
  | 'unreachable'
  /** The host rejected both key and password. */
  | 'refused'
  /** The host key does not match an expected one. No secret was sent. */
  | 'untrusted'
  /** A local problem: an unusable key or file. */
  | 'unusable'
  /** Timed out. */
  | 'slow'
  | 'closed';

export class SshError extends Error {
  override name = 'SshError';
  readonly failure: SshFailure;
  /** Time spent. */
  readonly seconds: number;

  constructor(failure: SshFailure, message: string, seconds = 0) {
    super(message);
    this.failure = failure;
    this.seconds = Math.round(seconds * 10) / 10;
  }
}

const messageTable: readonly (readonly [pattern: RegExp, failure: SshFailure])[] = [
  [/Host key verification failed/, 'untrusted'],
  [/^Load key /m, 'unusable'],
  [/Permission denied \(|Too many authentication failures/, 'refused'],
];

/** The cause of a failed connection, from OpenSSH's standard error at LogLevel DEBUG1. */
export function readSshFailure(errors: string, seconds: number): SshError {
  const failure = messageTable.find(([pattern]) => pattern.test(errors))?.[1] ?? 'unreachable';
  if (failure === 'untrusted') return new SshError(failure, describeHostKey(errors), seconds);
  const lines = errors
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '' && !/^debug\d: |^Authenticated to |^OpenSSH_/.test(line));
  const line = failure === 'unusable' ? lines.find((line) => line.startsWith('Load key ')) : lines.at(-1);
  const words = (line ?? 'the connection was closed without a message').replace(
    /^Load key "[^"]*": /,
    'the private key cannot be read: ',
  );
  return new SshError(failure, words.trim().slice(0, 300), seconds);
}

/** The client logs the host's key as `Server host key: ssh-ed25519 SHA256:…`. */
function describeHostKey(errors: string): string {
  const [, type, fingerprint] = /Server host key: (\S+) (SHA256:\S+)/.exec(errors) ?? [];
  const shown = type ? `it presented the ${type} key ${fingerprint}` : 'its key could not be read';
  return `${shown}, which is not among the expected host keys`;
}
