/** Why a command did not run on another host. */
export type SshFailure =
  /** No connection, or it ended. */
  | 'unreachable'
  /** The host took neither key nor password. */
  | 'refused'
  /** The host's key is not one of those expected. Nothing secret was sent. */
  | 'untrusted'
  /** Our own side: a key or file that cannot be used. */
  | 'unusable'
  /** No answer within the time given. */
  | 'slow'
  | 'closed';

export class SshError extends Error {
  override name = 'SshError';
  readonly failure: SshFailure;
  /** Time that was spent on it. */
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

/** What a connection that could not be opened died of, from OpenSSH's standard error at LogLevel DEBUG1. */
export function readSshFailure(errors: string, seconds: number): SshError {
  const failure = messageTable.find(([pattern]) => pattern.test(errors))?.[1] ?? 'unreachable';
  if (failure === 'untrusted') return new SshError(failure, describeHostKey(errors), seconds);
  const lines = errors
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '' && !/^debug\d: |^Authenticated to |^OpenSSH_/.test(line));
  const telling = failure === 'unusable' ? lines.find((line) => line.startsWith('Load key ')) : lines.at(-1);
  const words = (telling ?? 'the connection was closed without a message').replace(
    /^Load key "[^"]*": /,
    'the private key cannot be read: ',
  );
  return new SshError(failure, words.trim().slice(0, 300), seconds);
}

/** `Server host key: ssh-ed25519 SHA256:…` is what the client logs of the key it was shown. */
function describeHostKey(errors: string): string {
  const [, type, fingerprint] = /Server host key: (\S+) (SHA256:\S+)/.exec(errors) ?? [];
  const shown = type ? `it presented the ${type} key ${fingerprint}` : 'its key could not be read';
  return `${shown}, which is not among the expected host keys`;
}
